"""Pack a study's results, and the records of how they were made, as a Workflow Run RO-Crate."""

import sys
from pathlib import Path

from microcalc.config.study_config import StudyConfig
from microcalc.core.logs import start
from microcalc.run import crate

start(snakemake.log[0])
how = snakemake.params
told = crate.pack(Path(how.results), StudyConfig.of(how.config), house=Path(how.house))
sys.stdout.write(told)
