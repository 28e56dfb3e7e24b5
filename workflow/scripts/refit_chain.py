"""Fit everything again on one block of bootstrap samples, splits or permutations."""

import pandas as pd

from microcalc.evaluation import refit, replicates
from microcalc.files import write_csv
from microcalc.images import included
from microcalc.logs import start
from microcalc.selection.training import read_copies

start(snakemake.log[0])
asked, given = snakemake.params, snakemake.input
features, perturbed = pd.read_parquet(given.features), read_copies(given.perturbed)
cases = refit.gather(included.read(given.included), features, perturbed)
plan = refit.Plan(asked.models, asked.clinical, asked.screening, asked.selection)
design, numbers = snakemake.wildcards.design, range(*asked.replicates)
measured, selected = replicates.run(design, numbers, cases, plan, seed=asked.seed)
write_csv(measured, snakemake.output.measured)
write_csv(selected, snakemake.output.selected)
