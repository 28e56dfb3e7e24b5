"""The backbone's weights, whatever their source, as one safetensors file."""

from microcalc.core import job_records
from microcalc.features import weights

job = job_records.begin(snakemake)
prepared = weights.prepare(
    snakemake.wildcards.backbone, snakemake.params.weights, seed=snakemake.params.seed
)
weights.write(prepared, snakemake.output.weights)
job.leave_record()
