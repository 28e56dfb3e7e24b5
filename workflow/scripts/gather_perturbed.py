"""The deep features of each training case in each perturbed copy, pooled over its views."""

from microcalc.core.logs import start
from microcalc.features import pool

start(snakemake.log[0])
how = snakemake.params
table = pool.copies(snakemake.input.shards, n_copies=how.n_copies, how=how.pool_views)
pool.write(table, snakemake.output.perturbed)
