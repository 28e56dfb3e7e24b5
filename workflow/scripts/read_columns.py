"""The columns of a set that were computed elsewhere, of each case."""

from microcalc.core.logs import start
from microcalc.features import combat, kinds, pool

start(snakemake.log[0])
given, how = snakemake.input, snakemake.params
read = kinds.of_table(how.measured_in).of_table(how.settings)
name, views = snakemake.wildcards.set, how.pool_views
table = pool.given(read, name, given.included, given.qc, how=views)
pool.write(combat.harmonized(table, given.combat), snakemake.output.features)
