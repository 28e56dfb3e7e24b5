"""Draw the odds ratios and the nomogram."""

from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.config.cohort_settings import Labels
from microcalc.core import job_records
from microcalc.figures.rooms import models
from microcalc.figures.save import save_each

job = job_records.begin(snakemake)
how = snakemake.params
figures = models.draw(
    dict(snakemake.input.items()),
    snakemake.input.models,
    labels=Labels.of(how.labels),
    clinical=ClinicalVariable.each_of(how.clinical),
    confidence=how.confidence,
    main_score=how.main_score,
    one_by_one=how.one_by_one,
)
save_each(figures, dict(snakemake.output.items()))
job.leave_record()
