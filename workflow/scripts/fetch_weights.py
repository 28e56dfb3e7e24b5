"""Bring published weights into the cache all studies share; no other job needs a network."""

from microcalc.core import job_records
from microcalc.core.files import write_json
from microcalc.features import weights

job = job_records.begin(snakemake)
fetched = weights.fetched(snakemake.wildcards.backbone, snakemake.params.weights)
write_json(fetched, snakemake.output.fetched)
job.leave_record()
