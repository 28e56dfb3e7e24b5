"""Draw the ROC curves of all models, a figure per split."""

from microcalc.figures import roc
from microcalc.figures.save import save_each
from microcalc.files import read_csv
from microcalc.logs import start

start(snakemake.log[0])
tables = read_csv(snakemake.input.predictions), read_csv(snakemake.input.metrics)
files = dict(snakemake.output.items())
save_each(roc.draw_each(*tables, splits=files, **snakemake.params.config), files)
