"""Say what a study without problems consists of; problems were told before any job began."""

import sys
from pathlib import Path

from microcalc.config.study_config import StudyConfig
from microcalc.core.logs import start
from microcalc.run import check

start(snakemake.log[0])
params = snakemake.params
config = StudyConfig.of(params.config)
sys.stdout.write(check.summary(config, Path(params.schemas), Path(params.results)))
