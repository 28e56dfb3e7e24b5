"""Fit every row of the table of models on the training cases, and freeze each as JSON."""

from microcalc.core.files import write_csv, write_each, write_json
from microcalc.core.logs import start
from microcalc.models.fit import fit_models
from microcalc.models.recipe import Recipe
from microcalc.models.training_tables import Tables

start(snakemake.log[0])
given, how = snakemake.input, snakemake.params
tables = Tables.of_networks(
    how.preprocessing,
    given.included,
    features=given.features,
    selected=given.selected,
    crossfit=given.crossfit,
    crossfit_selected=given.crossfit_selected,
    weights=given.weights,
    adapted=given.adapted,
)
recipes = Recipe.of_models(how.models, how.clinical, how.screening, how.training_scores, how.seed)
models, training = fit_models(recipes, tables, threshold=how.threshold, labels=how.labels)
write_each(write_json, models, snakemake.output.models)
write_each(write_csv, training, snakemake.output.training)
