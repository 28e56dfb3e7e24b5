"""One set's features of one shard's images."""

from microcalc.core.logs import start
from microcalc.features import kinds, shard_features
from microcalc.images.shard_file import read

start(snakemake.log[0])
given, how = snakemake.input, snakemake.params
kind = kinds.of_images(how.measured_in)
files = kinds.Files(given.weights, given.adapted)
measurement = kind.measurement(how.settings, files, threads=snakemake.threads)
shard_features.update(snakemake.output.features, read(given.shard), measurement, cache=how.cache)
