"""Gather the quality control of all images and decide which cases go on."""

import pandas as pd

from microcalc.files import write_csv
from microcalc.images.included import gather
from microcalc.logs import start

start(snakemake.log[0])
qc, included = gather(
    snakemake.input.shards,
    pd.read_csv(snakemake.input.eligible, dtype=str, keep_default_na=False),
    max_excluded=snakemake.params.settings["max_excluded"],
)
write_csv(qc, snakemake.output.qc)
write_csv(included, snakemake.output.included)
