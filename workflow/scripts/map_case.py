"""Where the deep model looks in one case."""

from microcalc.apply import register
from microcalc.core.files import read_json
from microcalc.core.logs import start
from microcalc.evaluation import saliency

start(snakemake.log[0])
given = snakemake.input
model = read_json(given.model)
chosen = saliency.of_case(register.read(given.register), snakemake.wildcards.case, model)
device = snakemake.params.device
maps = saliency.compute(
    chosen, model, given.shards, *given.weights, device=device, kept=None, cache=False
)
saliency.write(maps, snakemake.output.saliency)
