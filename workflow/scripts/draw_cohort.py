"""Draw how the cases came into the study."""

from microcalc.core.files import read_json
from microcalc.core.logs import start
from microcalc.figures import flow_diagram
from microcalc.figures.save import save

start(snakemake.log[0])
save(flow_diagram.draw(read_json(snakemake.input.flow)), *snakemake.output)
