"""Check the study's tables; write who is eligible, in which split, and who is not and why."""

from microcalc.cohort import split_file
from microcalc.cohort.eligible import build_eligible
from microcalc.cohort.study_tables import read_cohort
from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.config.cohort_settings import CohortSettings, Labels
from microcalc.core import job_records
from microcalc.core.files import write_csv

job = job_records.begin(snakemake)
given, how = snakemake.input, snakemake.params
labels, settings = Labels.of(how.labels), CohortSettings.of(how.settings)
cohort = read_cohort(
    given.cases,
    given.images,
    schemas=(given.case_schema, given.image_schema),
    clinical=ClinicalVariable.each_of(how.clinical),
    labels=labels,
    other_columns=settings.other_columns,
)
frozen = split_file.read(given.split)
eligible, images, exclusions = build_eligible(
    cohort, labels=labels, settings=settings, seed=how.seed, frozen=frozen
)
write_csv(eligible, snakemake.output.eligible)
write_csv(images, snakemake.output.images)
write_csv(exclusions, snakemake.output.exclusions)
job.leave_record()
