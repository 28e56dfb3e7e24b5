"""Write the report: one self-contained HTML page made from results."""

from microcalc.config.study_config import StudyConfig
from microcalc.core import job_records, libraries
from microcalc.core.files import write_text
from microcalc.report import console_summary, page

job = job_records.begin(snakemake)
files, config = dict(snakemake.input.items()), StudyConfig.of(snakemake.params.config)
html = page.build(
    files,
    config=config,
    template=snakemake.input.template,
    versions=libraries.versions(),
    times=snakemake.params.times,
    rules=snakemake.params.rules,
)
write_text(html, snakemake.output.report)
write_text(console_summary.build(files, config=config), snakemake.output.summary)
job.leave_record()
