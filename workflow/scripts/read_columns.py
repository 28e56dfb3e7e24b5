"""The columns of a set that were computed elsewhere, per case."""

from microcalc.core.logs import start
from microcalc.features import feature_kinds, pool

start(snakemake.log[0])
how = snakemake.params
table = feature_kinds.of_cases(how.measured_in).of_cases(how.settings)
pool.write(pool.named(table, snakemake.wildcards.set), snakemake.output.features)
