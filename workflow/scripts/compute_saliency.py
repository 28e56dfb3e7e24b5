"""Where the deep model looks, in the validation cases that it is surest of, rightly or not."""

from microcalc.core import job_records
from microcalc.core.files import read_json
from microcalc.evaluation import predictions, saliency

job = job_records.begin(snakemake)
given = snakemake.input
model = read_json(given.model)
chosen = saliency.choose(predictions.read(given.predictions), model)
maps = saliency.compute(
    chosen,
    model,
    given.shards,
    *given.weights,
    kept=snakemake.output.kept,
    **snakemake.params.how,
)
saliency.write(maps, snakemake.output.saliency)
job.leave_record()
