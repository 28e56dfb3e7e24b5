"""Take the frozen models over, once their features and this cohort's are made alike."""

from microcalc.apply import agreement
from microcalc.core.logs import start
from microcalc.models import provenance

start(snakemake.log[0])
given, how = snakemake.input, snakemake.params
weights = dict(zip(how.weighted, given.weights, strict=True))
here = provenance.parts(how.preprocessing, weights, {})
agreement.take(given.models, snakemake.output.models, here)
