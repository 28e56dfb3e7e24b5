"""Write the report: one self-contained HTML page made from results."""

from microcalc.core.files import write_text
from microcalc.core.logs import start
from microcalc.report import console_summary, page, versions

start(snakemake.log[0])
files = dict(snakemake.input.items())
html = page.build(
    files,
    config=snakemake.params.config,
    template=snakemake.input.template,
    versions=versions.installed(),
    times=snakemake.params.times,
    rules=snakemake.params.rules,
)
write_text(html, snakemake.output.report)
write_text(console_summary.build(files, config=snakemake.params.config), snakemake.output.summary)
