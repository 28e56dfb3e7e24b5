"""Evaluate the frozen models on a cohort as on any external set, and beside their development."""

from microcalc.apply import labelled_cohort
from microcalc.config.evaluation_settings import EvaluationSettings
from microcalc.core import job_records
from microcalc.evaluation import cohort_tables, predictions, result_tables

job = job_records.begin(snakemake)
given, asked = snakemake.input, snakemake.params
rows = predictions.read(given.predictions)
models = predictions.read_models(given.models)
cases = cohort_tables.included(given.labelled)
settings = labelled_cohort.settings_for(cases, EvaluationSettings.of(asked.settings))
made = result_tables.discrimination(
    rows, models, cases, settings=settings, paper=None, seed=asked.seed
)
made["development"] = labelled_cohort.compare(
    rows, given.development, confidence=settings.confidence
)
# Models of harmonized features are never applied.
result_tables.write(made, snakemake.output, harmonize="none")
job.leave_record()
