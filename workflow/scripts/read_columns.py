"""The columns of a set that were computed elsewhere, per case."""

from microcalc.core.logs import start
from microcalc.features import combat, kinds, pool

start(snakemake.log[0])
given, how = snakemake.input, snakemake.params
read = kinds.of_cases(how.measured_in).of_cases(how.settings)
table = pool.per_case(read, snakemake.wildcards.set, given.included)
pool.write(combat.harmonized(table, given.combat), snakemake.output.features)
