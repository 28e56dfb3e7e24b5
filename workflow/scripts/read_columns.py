"""The columns of a set that were computed elsewhere, per case."""

from microcalc.core.logs import start
from microcalc.features import kinds, pool

start(snakemake.log[0])
how = snakemake.params
table = kinds.of_cases(how.measured_in).of_cases(how.settings)
pool.write(pool.named(table, snakemake.wildcards.set), snakemake.output.features)
