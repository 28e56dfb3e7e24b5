"""Bring one shard's patches up to date."""

from microcalc.core.logs import start
from microcalc.images.shards import update
from microcalc.plan.shard_rows import of_shard

start(snakemake.log[0])
params = snakemake.params
update(
    snakemake.output.shard,
    of_shard(params.cases, params.images, int(snakemake.wildcards.shard), params.shards),
    settings=params.settings,
    image_folder=params.image_folder,
    digest=params.digest,
)
