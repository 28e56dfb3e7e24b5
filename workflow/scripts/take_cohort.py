"""Check a new cohort's tables for what the frozen models need, and cut them off from labels."""

from microcalc.apply import intake
from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.config.cohort_settings import Labels
from microcalc.core import job_records
from microcalc.core.files import write_csv
from microcalc.models import frozen

job = job_records.begin(snakemake)
given, known = snakemake.input, snakemake.params
eligible, images, exclusions = intake.take(
    given.cases,
    given.images,
    needed=intake.variables(list(map(frozen.read, given.models))),
    schemas=(given.case_schema, given.image_schema),
    clinical=ClinicalVariable.each_of(known.clinical),
    labels=Labels.of(known.labels),
)
write_csv(eligible, snakemake.output.eligible)
write_csv(images, snakemake.output.images)
write_csv(exclusions, snakemake.output.exclusions)
job.leave_record()
