"""A set's features of each case, pooled over its views."""

from microcalc.core import job_records
from microcalc.features import combat, pool

job = job_records.begin(snakemake)
how = snakemake.params.pool_views
table = pool.cases(snakemake.input.shards, snakemake.wildcards.set, how=how)
pool.write(combat.harmonized(table, snakemake.input.included), snakemake.output.features)
job.leave_record()
