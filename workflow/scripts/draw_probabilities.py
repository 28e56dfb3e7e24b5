"""Draw whether the probabilities hold, and what acting on them gains."""

from microcalc.config.cohort_settings import Labels
from microcalc.core import job_records
from microcalc.figures.rooms import probabilities
from microcalc.figures.save import save_each

job = job_records.begin(snakemake)
how = snakemake.params
figures = probabilities.draw(
    dict(snakemake.input.items()),
    models=how.models,
    labels=Labels.of(how.labels),
    confidence=how.confidence,
)
save_each(figures, dict(snakemake.output.items()))
job.leave_record()
