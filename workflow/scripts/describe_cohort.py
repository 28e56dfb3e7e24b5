"""Describe the included cases per split (Table 1) and how every other case left (flow)."""

from microcalc.core.files import write_csv, write_json
from microcalc.core.logs import start
from microcalc.evaluation import cohort_tables, flow, table1

start(snakemake.log[0])
cases, exclusions, qc = cohort_tables.read(
    snakemake.input.included, snakemake.input.cohort_exclusions, snakemake.input.qc
)
asked = snakemake.params
included = cases[cases["status"] == "included"]
write_csv(table1.describe(included, asked.clinical, seed=asked.seed), snakemake.output.table1)
write_json(flow.build(exclusions, cases, qc, labels=asked.labels), snakemake.output.flow)
