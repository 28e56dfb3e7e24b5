"""Draw how the models did."""

from microcalc.figures import rooms
from microcalc.figures.save import save_each
from microcalc.logs import start

start(snakemake.log[0])
files, models = dict(snakemake.input.items()), snakemake.input.models
figures = rooms.evaluation(files, models, snakemake.params.config)
save_each(figures, dict(snakemake.output.items()))
