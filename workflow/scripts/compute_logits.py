"""The logit of each case by each fine-tuned network."""

from microcalc.core import job_records
from microcalc.core.files import read_parquet
from microcalc.features import pool
from microcalc.features.finetune import heads

job = job_records.begin(snakemake)
given = snakemake.input
tables = list(map(read_parquet, given.features))
logits = heads.logits(snakemake.wildcards.tuned, given.heads, given.prepared, tables)
pool.write(logits, snakemake.output.features)
job.leave_record()
