"""The network's weights, whatever their source, as one safetensors file."""

from microcalc.config.network_settings import WeightsSettings
from microcalc.core import job_records
from microcalc.features import weights

job = job_records.begin(snakemake)
settings = WeightsSettings.of(snakemake.params.settings)
prepared = weights.prepare(**dict(settings), seed=snakemake.params.seed)
weights.write(prepared, snakemake.output.weights)
job.leave_record()
