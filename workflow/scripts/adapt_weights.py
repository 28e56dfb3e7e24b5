"""Batch-norm statistics of each center's own images."""

from microcalc.config.network_settings import ExtractionSettings
from microcalc.core import job_records
from microcalc.features import adabn
from microcalc.images import included
from microcalc.images.shard_file import read

job = job_records.begin(snakemake)
adaptation = adabn.fit(
    list(map(read, snakemake.input.shards)),
    included.read(snakemake.input.included),
    *snakemake.input.weights,
    ExtractionSettings.of(snakemake.params.settings),
    threads=snakemake.threads,
)
adabn.write(adaptation, snakemake.output.adapted)
job.leave_record()
