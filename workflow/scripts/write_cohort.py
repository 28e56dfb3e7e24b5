"""Write the page of frozen models on a new cohort."""

from microcalc.config.study_config import StudyConfig
from microcalc.core.files import write_text
from microcalc.core.logs import start
from microcalc.report import applied, versions

start(snakemake.log[0])
given, how = snakemake.input, snakemake.params
files, config = dict(given.items()), StudyConfig.of(how.config)
html = applied.cohort_page(
    files,
    config=config,
    frozen=how.frozen,
    simulated=how.simulated,
    template=given.template,
    versions=versions.installed(),
)
write_text(html, snakemake.output.report)
write_text(applied.cohort_summary(files, config=config), snakemake.output.summary)
