"""Say what a study without problems consists of; problems were told before any job began."""

import sys
from pathlib import Path

from microcalc.core.logs import start
from microcalc.run import check

start(snakemake.log[0])
params = snakemake.params
sys.stdout.write(check.summary(params.config, Path(params.schemas), Path(params.results)))
