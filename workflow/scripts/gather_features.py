"""The deep features of each case, pooled over its views."""

from microcalc.features import pool
from microcalc.logs import start

start(snakemake.log[0])
pool.write(pool.cases(snakemake.input.shards), snakemake.output.features)
