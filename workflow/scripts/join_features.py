"""The features of all fine-tuned networks side by side."""

from microcalc.core import job_records
from microcalc.core.files import read_parquet
from microcalc.features import pool
from microcalc.features.finetune import heads

job = job_records.begin(snakemake)
tables = list(map(read_parquet, snakemake.input.features))
joined = heads.side_by_side(snakemake.wildcards.tuned, tables)
pool.write(joined, snakemake.output.features)
job.leave_record()
