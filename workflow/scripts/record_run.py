"""Record digests of the study's inputs, and what this run gave, for the next to compare."""

from microcalc.config.study_config import StudyConfig
from microcalc.core import job_records, libraries
from microcalc.core.files import read_csv, write_json
from microcalc.report import history, inputs

job = job_records.begin(snakemake)
config, given = StudyConfig.of(snakemake.params.config), snakemake.input
tables = {"case table": given.cases, "images table": given.images, "split file": given.split}
found = inputs.describe(
    tables=tables,
    features=given.features,
    shards=given.shards,
    models=given.models,
    config=config,
    digest_of=job.digest_of,
)
run = history.describe(
    read_csv(given.metrics),
    read_csv(given.included),
    config=config,
    inputs=found["digests"],
    versions=libraries.versions(),
)
write_json(found, snakemake.output.inputs)
history.record(run, snakemake.output.runs)
job.leave_record()
