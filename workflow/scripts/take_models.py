"""Take the frozen models over, once their features and this cohort's are made alike."""

from microcalc.apply import agreement
from microcalc.core.logs import start

start(snakemake.log[0])
given, preprocessing = snakemake.input, snakemake.params.preprocessing
weights = dict(zip(preprocessing, given.weights, strict=True))
agreement.take(given.models, snakemake.output.models, weights, preprocessing)
