"""Write the page of one case: predictions, warnings, map and contributions."""

from microcalc.config.study_config import StudyConfig
from microcalc.core import job_records
from microcalc.core.files import write_text
from microcalc.report import applied

job = job_records.begin(snakemake)
html = applied.case_page(
    dict(snakemake.input.items()),
    config=StudyConfig.of(snakemake.params.config),
    simulated=snakemake.params.simulated,
    case_id=snakemake.wildcards.case,
    template=snakemake.input.template,
)
write_text(html, snakemake.output.page)
job.leave_record()
