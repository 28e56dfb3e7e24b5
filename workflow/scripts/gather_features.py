"""The deep features of each case, pooled over its views."""

from microcalc.core.logs import start
from microcalc.features import combat, pool

start(snakemake.log[0])
table = pool.cases(snakemake.input.shards, how=snakemake.params.pool_views)
pool.write(combat.harmonized(table, snakemake.input.included), snakemake.output.features)
