"""Lay the labels that are known beside the predictions that were registered."""

from microcalc.apply import intake, labelled_cohort, register
from microcalc.config.cohort_settings import Labels
from microcalc.core import job_records
from microcalc.core.files import write_csv

job = job_records.begin(snakemake)
given = snakemake.input
labels = intake.read_labels(given.cases, Labels.of(snakemake.params.labels))
predictions, labelled = labelled_cohort.join(register.read(given.register), given.included, labels)
write_csv(predictions, snakemake.output.predictions)
write_csv(labelled, snakemake.output.labelled)
job.leave_record()
