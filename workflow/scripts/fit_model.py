"""Fit one row of the table of models on the training cases, and freeze it as JSON."""

from microcalc.files import write_csv, write_json
from microcalc.logs import start
from microcalc.models.fit import Recipe, fit_model
from microcalc.models.tables import Tables

start(snakemake.log[0])
given, how = snakemake.input, snakemake.params
left = {"included": given.included, "features": given.features, "selected": given.selected}
tables = Tables.read(**left, crossfit=given.crossfit, weights=given.weights)
recipe = Recipe(snakemake.wildcards.model, how.spec, how.clinical, how.screening)
model, training = fit_model(recipe, tables, threshold=how.threshold, labels=how.labels)
write_json(model, snakemake.output.model)
write_csv(training, snakemake.output.training)
