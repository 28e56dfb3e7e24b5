"""Draw whether the probabilities hold, and what acting on them gains."""

from microcalc.figures.rooms import probabilities
from microcalc.figures.save import save_each
from microcalc.logs import start

start(snakemake.log[0])
figures = probabilities.draw(dict(snakemake.input.items()), snakemake.params.config)
save_each(figures, dict(snakemake.output.items()))
