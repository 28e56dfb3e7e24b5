"""Bring published weights into the cache all studies share; no other job needs a network."""

from microcalc.features import weights
from microcalc.files import write_json
from microcalc.logs import start

start(snakemake.log[0])
fetched = weights.fetched(snakemake.wildcards.backbone, snakemake.params.weights)
write_json(fetched, snakemake.output.fetched)
