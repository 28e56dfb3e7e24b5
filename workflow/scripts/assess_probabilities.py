"""Measure whether the models' probabilities are right, and whether acting on them does good."""

from microcalc.core.logs import start
from microcalc.evaluation import predictions, tables

start(snakemake.log[0])
rows = predictions.read(snakemake.input.predictions)
asked = snakemake.params
made = tables.probabilities(rows, settings=asked.settings, seed=asked.seed)
tables.write(made, snakemake.output, harmonize=asked.harmonize)
