"""Fit every row of the table of models on the training cases, and freeze each as JSON."""

from microcalc.config.clinical_settings import ClinicalVariable, ScreeningSettings
from microcalc.config.cohort_settings import Labels
from microcalc.config.model_settings import ModelSettings, ThresholdSettings
from microcalc.core import job_records
from microcalc.core.files import write_csv, write_each, write_json
from microcalc.models import provenance
from microcalc.models.fit import fit_models
from microcalc.models.recipe import Recipe
from microcalc.models.training_tables import Tables

job = job_records.begin(snakemake)
given, how = snakemake.input, snakemake.params
weights = dict(zip(how.weighted, given.weights, strict=True))
adapted = dict(zip(how.adapted, given.adapted, strict=True))
tables = Tables.read(
    given.included,
    how.scores,
    provenance.parts(how.preprocessing, weights, adapted),
    features=given.features,
    selected=given.selected,
    crossfit=given.crossfit,
    crossfit_selected=given.crossfit_selected,
)
recipes = Recipe.of_models(
    ModelSettings.each_of(how.models),
    ClinicalVariable.each_of(how.clinical),
    ScreeningSettings.of(how.screening),
    training_scores=how.training_scores,
    seed=how.seed,
)
models, training = fit_models(
    recipes,
    tables,
    threshold=ThresholdSettings.of(how.threshold),
    labels=Labels.of(how.labels),
)
write_each(write_json, models, snakemake.output.models)
write_each(write_csv, training, snakemake.output.training)
job.leave_record()
