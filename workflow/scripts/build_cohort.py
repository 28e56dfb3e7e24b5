"""Check the study's tables; write who is eligible, in which split, and who is not and why."""

from microcalc.cohort import split_file
from microcalc.cohort.eligible import build_eligible
from microcalc.cohort.study_tables import read_cohort
from microcalc.core.files import write_csv
from microcalc.core.logs import start

start(snakemake.log[0])
given = snakemake.input
cohort = read_cohort(
    given.cases,
    given.images,
    schemas=(given.case_schema, given.image_schema),
    **snakemake.params.reading,
)
frozen = split_file.read(given.split)
eligible, images, exclusions = build_eligible(cohort, frozen=frozen, **snakemake.params.splitting)
write_csv(eligible, snakemake.output.eligible)
write_csv(images, snakemake.output.images)
write_csv(exclusions, snakemake.output.exclusions)
