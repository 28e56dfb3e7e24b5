"""Write the draft of Methods and Results, the checklists, and tables for Word and LaTeX."""

from microcalc.config.study_config import StudyConfig
from microcalc.core.logs import start
from microcalc.report import submission, versions

start(snakemake.log[0])
submission.write(
    dict(snakemake.input.items()),
    snakemake.output,
    config=StudyConfig.of(snakemake.params.config),
    templates=snakemake.params.templates,
    versions=versions.installed(),
)
