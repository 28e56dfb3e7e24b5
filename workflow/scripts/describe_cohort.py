"""Describe the included cases per split (Table 1) and how every other case left (flow)."""

from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.config.cohort_settings import Labels
from microcalc.core import job_records
from microcalc.core.files import write_csv, write_json
from microcalc.evaluation import cohort_tables, flow, table1

job = job_records.begin(snakemake)
cases, exclusions, qc = cohort_tables.read(
    snakemake.input.included, snakemake.input.cohort_exclusions, snakemake.input.qc
)
asked = snakemake.params
included = cases[cases["status"] == "included"]
clinical = ClinicalVariable.each_of(asked.clinical)
write_csv(table1.describe(included, clinical, seed=asked.seed), snakemake.output.table1)
labels = Labels.of(asked.labels)
write_json(flow.build(exclusions, cases, qc, labels=labels), snakemake.output.flow)
job.leave_record()
