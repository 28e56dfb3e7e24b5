"""Draw the selected features: ranking, LASSO, heat map, correlation, embedding."""

from microcalc.figures import rooms
from microcalc.figures.save import save_each
from microcalc.logs import start

start(snakemake.log[0])
figures = rooms.selection(dict(snakemake.input.items()), snakemake.params.config)
save_each(figures, dict(snakemake.output.items()))
