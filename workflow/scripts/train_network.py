"""Train one network without its fold, unless nothing that it depends on has changed."""

from microcalc.config.finetune_settings import TrainingSettings
from microcalc.core import job_records
from microcalc.features.finetune import network
from microcalc.images import included
from microcalc.images.shard_file import read

job = job_records.begin(snakemake)
given, how, left = snakemake.input, snakemake.params, snakemake.output
network.update(
    network.Files(left.weights, left.report, left.curve),
    list(map(read, given.shards)),
    included.read(given.included),
    *given.weights,
    TrainingSettings.of(how.settings),
    member=snakemake.wildcards.member,
    seed=how.seed,
    checkpoints=how.checkpoints,
)
job.leave_record()
