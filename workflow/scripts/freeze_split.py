"""Add each new patient's place to the study's split file; what stands there already is kept."""

import sys
from pathlib import Path

from microcalc.cohort import split_changes, split_file
from microcalc.config.study_config import StudyConfig
from microcalc.core.logs import start
from microcalc.run.check import read_tables

start(snakemake.log[0])
config = StudyConfig.of(snakemake.params.config)
cases = read_tables(config, Path(snakemake.params.schemas)).cases
earlier = split_changes.earlier(snakemake.params.results, cases)
told = split_file.freeze(cases, config.cohort, seed=config.seed, earlier=earlier)
sys.stdout.write(told)
