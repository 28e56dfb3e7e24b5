"""The columns of a set that were computed elsewhere, per case."""

from microcalc.core import job_records
from microcalc.features import combat, kinds, pool

job = job_records.begin(snakemake)
given, how = snakemake.input, snakemake.params
read = kinds.of_cases(how.measured_in).of_cases(how.settings)
table = pool.per_case(read, snakemake.wildcards.set, given.included)
pool.write(combat.harmonized(table, given.combat), snakemake.output.features)
job.leave_record()
