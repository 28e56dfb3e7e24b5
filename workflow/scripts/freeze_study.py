"""Write what the frozen models need beside themselves: settings, and what training was like."""

import pandas as pd

from microcalc.files import read_csv, write_json, write_text
from microcalc.images import included
from microcalc.logs import start
from microcalc.models import domain, handover

start(snakemake.log[0])
given, asked = snakemake.input, snakemake.params
write_text(handover.to_yaml(asked.settings, simulated=asked.simulated), snakemake.output.settings)
cases, features = included.read(given.included), pd.read_parquet(given.features)
digests = domain.pixel_digests(given.shards)
spanned = domain.describe(cases, read_csv(given.qc), features, digests, asked.settings["clinical"])
write_json(spanned, snakemake.output.domain)
