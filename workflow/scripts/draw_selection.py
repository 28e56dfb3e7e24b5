"""Draw the selected features: ranking, LASSO, heat map, correlation, embedding."""

from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.config.cohort_settings import Labels
from microcalc.core import job_records
from microcalc.figures.rooms import selection
from microcalc.figures.save import save_each

job = job_records.begin(snakemake)
how = snakemake.params
figures = selection.draw(
    dict(snakemake.input.items()),
    snakemake.input.features,
    labels=Labels.of(how.labels),
    clinical=ClinicalVariable.each_of(how.clinical),
    choose=how.choose,
    scheme=how.scheme,
)
save_each(figures, dict(snakemake.output.items()))
job.leave_record()
