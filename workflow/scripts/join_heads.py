"""The heads of the networks that leave a fold out, in one file."""

from microcalc.core import job_records
from microcalc.features.finetune import heads

job = job_records.begin(snakemake)
heads.join(snakemake.input.trained, snakemake.input.prepared, snakemake.output.heads)
job.leave_record()
