"""Fit one row of the table of models on the training cases, and freeze it as JSON."""

from microcalc.files import write_csv, write_json
from microcalc.logs import start
from microcalc.models.fit import fit_model
from microcalc.models.recipe import Recipe
from microcalc.models.tables import Tables

start(snakemake.log[0])
given, how = snakemake.input, snakemake.params
left = {"included": given.included, "features": given.features, "selected": given.selected}
folds = {"crossfit": given.crossfit, "crossfit_selected": given.crossfit_selected}
left |= {"weights": given.weights, "adapted": given.adapted}
tables = Tables.read(**left, **folds, **how.preprocessing)
name, basis = snakemake.wildcards.model, how.training_scores
recipe = Recipe(name, how.spec, how.clinical, how.screening, basis, how.seed)
model, training = fit_model(recipe, tables, threshold=how.threshold, labels=how.labels)
write_json(model, snakemake.output.model)
write_csv(training, snakemake.output.training)
