"""Bring one shard's patches up to date."""

from microcalc.config.image_settings import ImageSettings
from microcalc.core import job_records
from microcalc.images.shards import update
from microcalc.plan.shard_rows import of_shard, refuse_changed

job = job_records.begin(snakemake)
params = snakemake.params
rows = of_shard(params.cases, params.images, int(snakemake.wildcards.shard), params.shards)
refuse_changed(rows, params.image_folder, planned=params.files)
keys = update(
    snakemake.output.shard,
    rows,
    settings=ImageSettings.of(params.settings),
    surround=params.surround,
    image_folder=params.image_folder,
    digest=params.digest,
)
job.leave_record(images=keys)
