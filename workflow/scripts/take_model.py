"""Take a frozen model over, once its features and this cohort's are made alike."""

from microcalc.apply import agreement
from microcalc.logs import start

start(snakemake.log[0])
given, how = snakemake.input, snakemake.params
agreement.take(given.model[0], snakemake.output.model, weights=given.weights, **how.preprocessing)
