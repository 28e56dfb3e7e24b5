"""Batch-norm statistics of each center's own images."""

from microcalc.config.network_settings import ExtractionSettings
from microcalc.core.logs import start
from microcalc.features import adabn
from microcalc.images import included
from microcalc.images.shard_file import read

start(snakemake.log[0])
adaptation = adabn.fit(
    list(map(read, snakemake.input.shards)),
    included.read(snakemake.input.included),
    *snakemake.input.weights,
    ExtractionSettings.of(snakemake.params.settings),
    threads=snakemake.threads,
)
adabn.write(adaptation, snakemake.output.adapted)
