"""Make one shard of the demo's DICOM files from its phantoms."""

from microcalc.core import job_records
from microcalc.core.files import write_json
from microcalc.plan.shard_rows import of_shard
from microcalc.simulate.shard import files, make

job = job_records.begin(snakemake)
params, shard = snakemake.params, int(snakemake.wildcards.shard)
rows = of_shard(params.cases, params.phantoms, shard, params.shards)
digests = make(rows, params.folder, seed=params.seed, results=params.results, shard=shard)
write_json(digests, snakemake.output.manifest)
left = files(rows, params.folder, results=params.results, shard=shard)
job.leave_record(files=left)
