"""Say what became of a study's results; what is changed or missing was told before any job."""

import sys
from pathlib import Path

from microcalc.core.logs import start
from microcalc.run import verify

start(snakemake.log[0])
sys.stdout.write(verify.outcome(Path(snakemake.params.results)).text())
