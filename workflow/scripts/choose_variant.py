"""Choose on internal validation which deep model goes on to external validation."""

from microcalc.core import job_records
from microcalc.core.files import read_parquet, write_json
from microcalc.images import included
from microcalc.models import choice

job = job_records.begin(snakemake)
given, tables = snakemake.input, snakemake.params.tables
cases = included.read(given.included)
features = dict(zip(tables, map(read_parquet, given.features), strict=True))
write_json(choice.on_internal(given.models, cases, features), snakemake.output.choice)
job.leave_record()
