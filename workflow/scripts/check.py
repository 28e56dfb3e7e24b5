"""Say what a study without problems consists of; problems were told before any job began."""

import sys
from pathlib import Path

from microcalc import checking
from microcalc.logs import start

start(snakemake.log[0])
sys.stdout.write(checking.summary(snakemake.params.config, Path(snakemake.params.schemas)))
