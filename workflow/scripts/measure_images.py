"""One set's features of one shard's images."""

from microcalc.core import job_records
from microcalc.features import kinds, shard_features
from microcalc.images.shard_file import read

job = job_records.begin(snakemake)
given, how = snakemake.input, snakemake.params
kind = kinds.of_images(how.measured_in)
files = kinds.Files(given.weights, given.adapted)
measurement = kind.measurement(how.settings, files, threads=snakemake.threads)
shard_features.update(snakemake.output.features, read(given.shard), measurement, cache=how.cache)
job.leave_record()
