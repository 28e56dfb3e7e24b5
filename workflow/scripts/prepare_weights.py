"""The backbone's weights, whatever their source, as one safetensors file."""

from microcalc.features import weights
from microcalc.logs import start

start(snakemake.log[0])
prepared = weights.prepare(
    snakemake.params.backbone, snakemake.params.weights, seed=snakemake.params.seed
)
weights.write(prepared, snakemake.output.weights)
