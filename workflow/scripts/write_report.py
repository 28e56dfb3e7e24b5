"""Write the report: one self-contained HTML page made from results."""

from microcalc.files import write_text
from microcalc.logs import start
from microcalc.report import page, versions

start(snakemake.log[0])
html = page.build(
    dict(snakemake.input.items()),
    config=snakemake.params.config,
    template=snakemake.input.template,
    versions=versions.installed(),
)
write_text(html, snakemake.output.report)
