"""Turn a public collection's own files into the tables and the config of a study."""

from pathlib import Path

from microcalc.core.logs import start
from microcalc.ingest import registry
from microcalc.ingest.outcome import Outcome
from microcalc.ingest.write import write

start(snakemake.log[0])
params = snakemake.params
collection = registry.named(params.collection)
outcome = Outcome(collection, registry.account(collection, params.source))
folder = Path(snakemake.output.cases).parent
write(outcome, folder, source=params.source, spacing_mm=params.spacing_mm)
