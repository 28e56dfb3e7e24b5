"""The heads of the networks that leave a fold out, in one file."""

from microcalc.core.logs import start
from microcalc.features.finetune import heads

start(snakemake.log[0])
heads.join(snakemake.input.trained, snakemake.input.prepared, snakemake.output.heads)
