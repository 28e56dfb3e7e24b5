"""One shard's patches around the regions that another reader drew."""

from microcalc.config.image_settings import ImageSettings
from microcalc.core.logs import start
from microcalc.images.shards import drawn_by, update
from microcalc.plan.shard_rows import of_shard, refuse_changed

start(snakemake.log[0])
params = snakemake.params
rows = of_shard(params.cases, params.images, int(snakemake.wildcards.shard), params.shards)
refuse_changed(rows, params.image_folder, planned=params.files)
update(
    snakemake.output.shard,
    drawn_by(rows, snakemake.wildcards.reader),
    settings=ImageSettings.of(params.settings),
    image_folder=params.image_folder,
    digest=params.digest,
)
