"""Gather the quality control of all images and decide which cases go on."""

from microcalc.core import job_records
from microcalc.core.files import read_text_csv, write_csv
from microcalc.images.included import gather

job = job_records.begin(snakemake)
qc, included = gather(
    snakemake.input.shards,
    read_text_csv(snakemake.input.eligible).fillna(""),
    max_excluded=snakemake.params.settings["max_excluded"],
)
write_csv(qc, snakemake.output.qc)
write_csv(included, snakemake.output.included)
job.leave_record()
