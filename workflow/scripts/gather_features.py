"""A set's features of each case, pooled over its views."""

from microcalc.core.logs import start
from microcalc.features import combat, pool

start(snakemake.log[0])
how = snakemake.params.pool_views
table = pool.cases(snakemake.input.shards, snakemake.wildcards.set, how=how)
pool.write(combat.harmonized(table, snakemake.input.included), snakemake.output.features)
