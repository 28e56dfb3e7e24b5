"""The logit of each case by each fine-tuned network."""

from microcalc.features import pool
from microcalc.features.finetune import heads
from microcalc.files import read_parquet
from microcalc.logs import start

start(snakemake.log[0])
given = snakemake.input
tables = list(map(read_parquet, given.features))
pool.write(heads.logits(given.heads, given.prepared, tables), snakemake.output.features)
