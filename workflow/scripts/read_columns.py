"""The columns of a set that were computed elsewhere, of each case."""

from microcalc.core import job_records
from microcalc.features import combat, kinds, pool

job = job_records.begin(snakemake)
given, how = snakemake.input, snakemake.params
read = kinds.of_table(how.measured_in).of_table(how.settings)
name, views = snakemake.wildcards.set, how.pool_views
table = pool.given(read, name, given.included, given.qc, how=views)
pool.write(combat.harmonized(table, given.combat), snakemake.output.features)
job.leave_record()
