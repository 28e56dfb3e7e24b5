"""Fit everything again on one block of bootstrap samples, splits or permutations."""

from microcalc.core.files import write_csv
from microcalc.core.logs import start
from microcalc.evaluation import refit, replicates

start(snakemake.log[0])
asked, given = snakemake.params, snakemake.input
cases = refit.read(given.included, asked.networks, given.features, given.redrawn)
plan = refit.Plan(asked.models, asked.clinical, asked.screening, asked.selection)
measured, selected = replicates.run(
    snakemake.wildcards.design, range(*asked.replicates), cases, plan, seed=asked.seed
)
write_csv(measured, snakemake.output.measured)
write_csv(selected, snakemake.output.selected)
