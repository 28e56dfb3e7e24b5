"""Make one shard of the demo's DICOM files from its phantoms."""

from microcalc.files import write_json
from microcalc.logs import start
from microcalc.planning import shard_rows
from microcalc.simulate.shard import write

start(snakemake.log[0])
params = snakemake.params
rows = shard_rows(params.cases, params.phantoms, params.shard, params.shards)
write_json(write(rows, params.folder, seed=params.seed), snakemake.output.manifest)
