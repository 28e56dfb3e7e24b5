"""Where the deep model looks in one case."""

from microcalc.apply import register
from microcalc.core import job_records
from microcalc.core.files import read_json
from microcalc.evaluation import saliency

job = job_records.begin(snakemake)
given = snakemake.input
model = read_json(given.model)
chosen = saliency.of_case(register.read(given.register), snakemake.wildcards.case, model)
device = snakemake.params.device
maps = saliency.compute(
    chosen, model, given.shards, *given.weights, device=device, kept=None, cache=False
)
saliency.write(maps, snakemake.output.saliency)
job.leave_record()
