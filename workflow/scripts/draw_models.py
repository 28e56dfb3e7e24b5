"""Draw the odds ratios and the nomogram."""

from microcalc.core.logs import start
from microcalc.figures.rooms import models
from microcalc.figures.save import save_each

start(snakemake.log[0])
files, frozen = dict(snakemake.input.items()), snakemake.input.models
figures = models.draw(files, frozen, snakemake.params.config)
save_each(figures, dict(snakemake.output.items()))
