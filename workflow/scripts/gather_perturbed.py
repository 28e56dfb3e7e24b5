"""A set's features of each training case in each perturbed copy, pooled over its views."""

from microcalc.core import job_records
from microcalc.features import pool

job = job_records.begin(snakemake)
how = snakemake.params
name = snakemake.wildcards.set
table = pool.copies(snakemake.input.shards, name, n_copies=how.n_copies, how=how.pool_views)
pool.write(table, snakemake.output.perturbed)
job.leave_record()
