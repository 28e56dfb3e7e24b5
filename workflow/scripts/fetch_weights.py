"""Bring published weights into the cache all studies share; no other job needs a network."""

from microcalc.config.network_settings import WeightsSettings
from microcalc.core.files import write_json
from microcalc.core.logs import start
from microcalc.features import weights

start(snakemake.log[0])
fetched = weights.fetched(WeightsSettings.of(snakemake.params.settings))
write_json(fetched, snakemake.output.fetched)
