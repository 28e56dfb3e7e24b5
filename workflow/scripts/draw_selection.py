"""Draw the selected features: ranking, LASSO, heat map, correlation, embedding."""

from microcalc.core.logs import start
from microcalc.figures.rooms import selection
from microcalc.figures.save import save_each

start(snakemake.log[0])
figures = selection.draw(dict(snakemake.input.items()), snakemake.params.config)
save_each(figures, dict(snakemake.output.items()))
