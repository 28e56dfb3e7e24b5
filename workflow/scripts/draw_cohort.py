"""Draw how the cases came into the study."""

from microcalc.figures import flow
from microcalc.figures.save import save
from microcalc.files import read_json
from microcalc.logs import start

start(snakemake.log[0])
save(flow.draw(read_json(snakemake.input.flow)), *snakemake.output)
