"""Predict the cohort with the frozen models, and register what was predicted and when."""

from microcalc.apply import intake, prediction, register
from microcalc.config.cohort_settings import Labels
from microcalc.core import job_records
from microcalc.core.files import write_csv

job = job_records.begin(snakemake)
given, how = snakemake.input, snakemake.params
features = dict(zip(how.tables, given.features, strict=True))
found = prediction.run(
    given.models,
    included_cases=given.included,
    qc=given.qc,
    features=features,
    shards=given.shards,
    seen=given.domain[0],
)
labelled = intake.read_labels(given.cases, Labels.of(how.labels))["case_id"]
register.add(snakemake.output.register, found.predictions, labelled)
write_csv(found.contributions, snakemake.output.contributions)
write_csv(found.warnings, snakemake.output.warnings)
job.leave_record()
