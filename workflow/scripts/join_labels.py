"""Lay the labels that are known beside the predictions that were registered."""

from microcalc.apply import intake, labelled_cohort, register
from microcalc.config.cohort_settings import Labels
from microcalc.core.files import write_csv
from microcalc.core.logs import start

start(snakemake.log[0])
given = snakemake.input
labels = intake.read_labels(given.cases, Labels.of(snakemake.params.labels))
predictions, labelled = labelled_cohort.join(register.read(given.register), given.included, labels)
write_csv(predictions, snakemake.output.predictions)
write_csv(labelled, snakemake.output.labelled)
