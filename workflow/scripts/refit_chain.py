"""Fit everything again on one block of bootstrap samples, splits or permutations."""

import pandas as pd

from microcalc.evaluation import refit, replicates
from microcalc.files import write_csv
from microcalc.images import included
from microcalc.logs import start

start(snakemake.log[0])
asked = snakemake.params
features = pd.read_parquet(snakemake.input.features)
cases = refit.gather(included.read(snakemake.input.included), features)
plan = refit.Plan(asked.models, asked.clinical, asked.screening, asked.selection)
numbers = range(*asked.replicates)
measured, selected = replicates.run(
    snakemake.wildcards.design, numbers, cases, plan, seed=asked.seed
)
write_csv(measured, snakemake.output.measured)
write_csv(selected, snakemake.output.selected)
