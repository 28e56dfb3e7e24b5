"""Draw how the cases came into the study."""

from microcalc.figures import rooms
from microcalc.figures.save import save_each
from microcalc.logs import start

start(snakemake.log[0])
save_each(rooms.cohort(dict(snakemake.input.items())), dict(snakemake.output.items()))
