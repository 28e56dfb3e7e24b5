"""Evaluate the frozen models on every set: alone, compared, in subgroups, beside the paper."""

from microcalc.config.clinical_settings import ClinicalVariable, ScreeningSettings
from microcalc.config.evaluation_settings import (
    DiscriminationSettings,
    PublishedSettings,
    SampleSizeSettings,
)
from microcalc.config.model_settings import ModelSettings
from microcalc.core import job_records
from microcalc.core.files import read_csv
from microcalc.evaluation import cohort_tables, finetuning, predictions, result_tables
from microcalc.evaluation.sample_size_table import of_study

job = job_records.begin(snakemake)
given, asked = snakemake.input, snakemake.params
rows = predictions.read(given.predictions)
models = predictions.read_models(given.models)
cases = cohort_tables.included(given.included)
made = result_tables.discrimination(
    rows,
    models,
    cases,
    settings=DiscriminationSettings.of(asked.settings),
    paper=PublishedSettings.of(asked.published),
    seed=asked.seed,
)
made["metrics"] = finetuning.mark(made["metrics"], models, given.choice)
funnels = dict(zip(asked.scores, map(read_csv, given.funnels), strict=True))
made["sample_size"] = of_study(
    cases,
    funnels,
    ModelSettings.each_of(asked.models),
    ClinicalVariable.each_of(asked.clinical),
    ScreeningSettings.of(asked.screening),
    expected_auc=SampleSizeSettings.of(asked.sample_size).expected_auc,
)
result_tables.write(made, snakemake.output, harmonize=asked.harmonize)
job.leave_record()
