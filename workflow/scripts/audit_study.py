"""Look for what training and validation share, and for what gives center or label away."""

from microcalc.config.evaluation_settings import LeakageSettings
from microcalc.core import job_records
from microcalc.core.files import read_csv, read_parquet, write_csv
from microcalc.evaluation import cohort_tables, confounding, leakage, transductive

job = job_records.begin(snakemake)
asked = snakemake.params
cases = cohort_tables.included(snakemake.input.included)
wanted = LeakageSettings.of(asked.leakage)
# The images are let go before the features come: a large study has room for one of them.
leaks = leakage.audit(
    leakage.read(snakemake.input.shards, cases), limit=wanted.limit, on_found=wanted.on_found
)
write_csv(leaks, snakemake.output.leakage)
features = dict(zip(asked.sets, map(read_parquet, snakemake.input.features), strict=True))
qc = read_csv(snakemake.input.qc)
found = confounding.audit(cases, features, qc, seed=asked.seed, confidence=asked.confidence)
write_csv(transductive.labelled(found, asked.harmonize), snakemake.output.confounding)
job.leave_record()
