"""Take the frozen models over, once their features and this cohort's are made alike."""

from microcalc.apply import agreement
from microcalc.logs import start

start(snakemake.log[0])
agreement.take(
    snakemake.input.models,
    snakemake.output.models,
    weights=snakemake.input.weights,
    **snakemake.params.preprocessing,
)
