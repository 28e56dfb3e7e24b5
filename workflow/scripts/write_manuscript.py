"""Write the draft of Methods and Results, the checklists, and tables for Word and LaTeX."""

from microcalc.config.study_config import StudyConfig
from microcalc.core import job_records, libraries
from microcalc.report import submission

job = job_records.begin(snakemake)
submission.write(
    dict(snakemake.input.items()),
    snakemake.output,
    config=StudyConfig.of(snakemake.params.config),
    templates=snakemake.params.templates,
    versions=libraries.versions(),
)
job.leave_record()
