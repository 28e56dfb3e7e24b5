"""The deep features of one shard's images."""

from microcalc.config.feature_settings import ExtractionSettings
from microcalc.core.logs import start
from microcalc.features import adabn, shard_features
from microcalc.images.shard_file import read

start(snakemake.log[0])
shard_features.update(
    snakemake.output.features,
    read(snakemake.input.shard),
    snakemake.input.weights,
    ExtractionSettings.of(snakemake.params.settings),
    threads=snakemake.threads,
    adaptation=adabn.read(snakemake.input.adapted),
)
