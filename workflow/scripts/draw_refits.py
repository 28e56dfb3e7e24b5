"""Draw what refitting the whole chain gave."""

from microcalc.figures import rooms
from microcalc.figures.save import save_each
from microcalc.logs import start

start(snakemake.log[0])
files, parts = dict(snakemake.input.items()), snakemake.input.bootstrap
figures = rooms.refits(files, parts, snakemake.params.config)
save_each(figures, dict(snakemake.output.items()))
