"""Evaluate the frozen models on a cohort as on any external set, and beside their development."""

from microcalc.apply import labelled_cohort
from microcalc.core.logs import start
from microcalc.evaluation import cohort_tables, predictions, result_tables

start(snakemake.log[0])
given, asked = snakemake.input, snakemake.params
rows = predictions.read(given.predictions)
models = predictions.read_models(given.models)
cases = cohort_tables.included(given.labelled)
settings = labelled_cohort.settings_for(cases, asked.settings)
made = result_tables.discrimination(
    rows, models, cases, settings=settings, paper=None, seed=asked.seed
)
level = settings["confidence"]
made["development"] = labelled_cohort.compare(rows, given.development, confidence=level)
result_tables.write(made, snakemake.output)
