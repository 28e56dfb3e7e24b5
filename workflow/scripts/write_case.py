"""Write the page of one case: predictions, warnings, map and contributions."""

from microcalc.config.study_config import StudyConfig
from microcalc.core.files import write_text
from microcalc.core.logs import start
from microcalc.report import applied

start(snakemake.log[0])
html = applied.case_page(
    dict(snakemake.input.items()),
    config=StudyConfig.of(snakemake.params.config),
    simulated=snakemake.params.simulated,
    case_id=snakemake.wildcards.case,
    template=snakemake.input.template,
)
write_text(html, snakemake.output.page)
