"""The network's weights, whatever their source, as one safetensors file."""

from microcalc.config.network_settings import WeightsSettings
from microcalc.core.logs import start
from microcalc.features import weights

start(snakemake.log[0])
settings = WeightsSettings.of(snakemake.params.settings)
prepared = weights.prepare(**dict(settings), seed=snakemake.params.seed)
weights.write(prepared, snakemake.output.weights)
