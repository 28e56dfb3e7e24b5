"""Draw whether the probabilities hold, and what acting on them gains."""

from microcalc.core.logs import start
from microcalc.figures.rooms import probabilities
from microcalc.figures.save import save_each

start(snakemake.log[0])
figures = probabilities.draw(dict(snakemake.input.items()), snakemake.params.config)
save_each(figures, dict(snakemake.output.items()))
