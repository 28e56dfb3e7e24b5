"""Choose on internal validation which deep model goes on to external validation."""

from microcalc.core.files import read_parquet, write_json
from microcalc.core.logs import start
from microcalc.images import included
from microcalc.models import choice

start(snakemake.log[0])
given, tables = snakemake.input, snakemake.params.tables
cases = included.read(given.included)
features = dict(zip(tables, map(read_parquet, given.features), strict=True))
write_json(choice.on_internal(given.models, cases, features), snakemake.output.choice)
