"""Measure whether the models' probabilities are right, and whether acting on them does good."""

from microcalc.config.evaluation_settings import ProbabilitySettings
from microcalc.core import job_records
from microcalc.evaluation import predictions, result_tables

job = job_records.begin(snakemake)
rows = predictions.read(snakemake.input.predictions)
asked = snakemake.params
settings = ProbabilitySettings.of(asked.settings)
made = result_tables.probabilities(rows, settings=settings, seed=asked.seed)
result_tables.write(made, snakemake.output, harmonize=asked.harmonize)
job.leave_record()
