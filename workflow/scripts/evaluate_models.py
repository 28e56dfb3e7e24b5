"""Evaluate the frozen models on every set: alone, compared, in subgroups, beside the paper."""

from microcalc.evaluation import cohort_tables, predictions, tables
from microcalc.files import read_csv
from microcalc.logs import start

start(snakemake.log[0])
asked = snakemake.params
rows = predictions.read(snakemake.input.predictions)
models = predictions.read_models(snakemake.input.models)
cases = cohort_tables.included(snakemake.input.included)
funnel = read_csv(snakemake.input.funnel)
made = tables.discrimination(
    rows, models, cases, settings=asked.settings, paper=asked.published, seed=asked.seed
)
made |= tables.sizes(
    cases, funnel, models=asked.models, clinical=asked.clinical, settings=asked.sample_size
)
tables.write(made, snakemake.output)
