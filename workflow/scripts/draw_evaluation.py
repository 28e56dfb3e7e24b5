"""Draw how the models did."""

from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.config.cohort_settings import Labels
from microcalc.core import job_records
from microcalc.figures.rooms import evaluation
from microcalc.figures.save import save_each

job = job_records.begin(snakemake)
how = snakemake.params
figures = evaluation.draw(
    dict(snakemake.input.items()),
    snakemake.input.models,
    scored=how.scored,
    models=how.models,
    labels=Labels.of(how.labels),
    clinical=ClinicalVariable.each_of(how.clinical),
    confidence=how.confidence,
    seed=how.seed,
    main_score=how.main_score,
)
save_each(figures, dict(snakemake.output.items()))
job.leave_record()
