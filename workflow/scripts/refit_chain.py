"""Fit everything again on one block of bootstrap samples, splits or permutations."""

from microcalc.config.clinical_settings import ClinicalVariable, ScreeningSettings
from microcalc.config.model_settings import ModelSettings
from microcalc.config.selection_settings import SelectionSettings
from microcalc.core import job_records
from microcalc.core.files import write_csv
from microcalc.evaluation import refit, replicates

job = job_records.begin(snakemake)
asked, given = snakemake.params, snakemake.input
cases = refit.read(given.included, asked.scores, given.features, given.redrawn, asked.least_iccs)
plan = refit.Plan(
    ModelSettings.each_of(asked.models),
    ClinicalVariable.each_of(asked.clinical),
    ScreeningSettings.of(asked.screening),
    SelectionSettings.each_of(asked.selections),
    asked.training_scores,
)
measured, selected = replicates.run(
    snakemake.wildcards.design, range(*asked.replicates), cases, plan, seed=asked.seed
)
write_csv(measured, snakemake.output.measured)
write_csv(selected, snakemake.output.selected)
job.leave_record()
