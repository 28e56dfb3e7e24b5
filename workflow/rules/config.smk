"""Reads the config; before anything else, and so also how a run ends with a message alone."""

import sys
from pathlib import Path

from snakemake.logging import logger

# Of this file, since another workflow may have this one as a module.
WORKFLOW = Path(str(workflow.current_basedir)).parent
sys.path.insert(0, str(WORKFLOW / "src"))

from microcalc.config import yaml_file
from microcalc.core import gc_tuning
from microcalc.core.errors import StudyError
from microcalc.plan.snakemake_habits import RefusalError

gc_tuning.tune()


def refuse(message):
    """End the run with a message alone.

    Below an error Snakemake prints which lines of code it came through.
    """
    logger.error(message)
    raise RefusalError(message)


def told_plainly(function, *arguments, **named):
    """Return what `function` returns; a StudyError ends the run with its message."""
    try:
        return function(*arguments, **named)
    except StudyError as error:
        refuse(str(error))


def refuse_slips(path):
    """Stop at a config that is no YAML, with its line; Snakemake would not say where."""
    told_plainly(yaml_file.refuse_slips, path)


# Frozen models come with the config of their own study.
OWN = not workflow.overwrite_configfiles and not isinstance(config.get("models"), str)

# A key that stands twice is lost before anybody can miss it.
if workflow.is_main_process:
    for file in [*workflow.overwrite_configfiles, *["config.yaml"] * OWN]:
        refuse_slips(file)

if OWN:

    # A study's own config replaces the demo's and never merges with it.
    configfile: "config.yaml"
