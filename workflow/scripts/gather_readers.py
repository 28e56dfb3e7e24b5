"""A set's features of each case as other readers drew its regions, pooled over its views."""

from microcalc.core.logs import start
from microcalc.features import pool

start(snakemake.log[0])
given, how = snakemake.input, snakemake.params
name = snakemake.wildcards.set
table = pool.of_readers(given.readers, given.shards, name, readers=how.readers, how=how.pool_views)
pool.write(table, snakemake.output.features)
