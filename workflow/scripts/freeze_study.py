"""Write what the frozen models need beside themselves: settings, and what training was like."""

from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.core import job_records
from microcalc.core.files import read_csv, read_parquet, write_json, write_text
from microcalc.images import included
from microcalc.models import applicability_domain, deployment_settings

job = job_records.begin(snakemake)
given, asked = snakemake.input, snakemake.params
write_text(
    deployment_settings.to_yaml(asked.settings, simulated=asked.simulated),
    snakemake.output.settings,
)
features = dict(zip(asked.tables, map(read_parquet, given.features), strict=True))
spanned = applicability_domain.describe(
    included.read(given.included),
    read_csv(given.qc),
    features,
    applicability_domain.pixel_digests(given.shards),
    ClinicalVariable.each_of(asked.settings["clinical"]),
)
write_json(spanned, snakemake.output.domain)
job.leave_record()
