"""Draw how the models did."""

from microcalc.core.logs import start
from microcalc.figures.rooms import evaluation
from microcalc.figures.save import save_each

start(snakemake.log[0])
files, frozen = dict(snakemake.input.items()), snakemake.input.models
figures = evaluation.draw(files, frozen, snakemake.params.config)
save_each(figures, dict(snakemake.output.items()))
