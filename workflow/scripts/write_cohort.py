"""Write the page of frozen models on a new cohort."""

from microcalc.config.study_config import StudyConfig
from microcalc.core import job_records, libraries
from microcalc.core.files import write_text
from microcalc.report import applied

job = job_records.begin(snakemake)
given, how = snakemake.input, snakemake.params
files, config = dict(given.items()), StudyConfig.of(how.config)
html = applied.cohort_page(
    files,
    config=config,
    frozen=how.frozen,
    simulated=how.simulated,
    template=given.template,
    versions=libraries.versions(),
)
write_text(html, snakemake.output.report)
write_text(applied.cohort_summary(files, config=config), snakemake.output.summary)
job.leave_record()
