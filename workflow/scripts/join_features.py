"""The features of all fine-tuned networks side by side."""

from microcalc.core.files import read_parquet
from microcalc.core.logs import start
from microcalc.features import pool
from microcalc.features.finetune import heads

start(snakemake.log[0])
tables = list(map(read_parquet, snakemake.input.features))
joined = heads.side_by_side(snakemake.wildcards.tuned, tables)
pool.write(joined, snakemake.output.features)
