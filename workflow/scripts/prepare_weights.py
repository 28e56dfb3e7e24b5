"""The backbone's weights, whatever their source, as one safetensors file."""

from microcalc.core.logs import start
from microcalc.features import weights

start(snakemake.log[0])
prepared = weights.prepare(
    snakemake.wildcards.backbone, snakemake.params.weights, seed=snakemake.params.seed
)
weights.write(prepared, snakemake.output.weights)
