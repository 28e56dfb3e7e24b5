"""A set's features of each case as other readers drew its regions, pooled over its views."""

from microcalc.core import job_records
from microcalc.features import pool

job = job_records.begin(snakemake)
given, how = snakemake.input, snakemake.params
name = snakemake.wildcards.set
table = pool.of_readers(given.readers, given.shards, name, readers=how.readers, how=how.pool_views)
pool.write(table, snakemake.output.features)
job.leave_record()
