"""Record of what a run was planned from, so that its jobs can tell that it has changed since.

A job on a cluster reads config and tables again when it starts, hours after it was planned: what
is edited in between, and perhaps reverted, would be computed with, and noted by nobody.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from microcalc.config import feature_sets
from microcalc.config.study_config import StudyConfig
from microcalc.core.errors import StudyError
from microcalc.core.files import digest_file, digest_value, write_json
from microcalc.plan.snakemake_habits import FOLDER

Parts = Mapping[str, str]


def file_of(study: str, folder: Path = FOLDER) -> Path:
    """Return the file of a study's record."""
    return folder / f"plan-{study}.json"


def describe(config: StudyConfig) -> Parts:
    """Return a digest of each section of the config and of each table, by what it is called."""
    tables = config.cohort
    named = {
        "the case table": tables.cases,
        "the images table": tables.images,
        "cohort.split_file": tables.split_file,
        **{f"the table of {name}": at for name, at in feature_sets.tables_given(config).items()},
    }
    sections = {name: digest_value(value) for name, value in config.plain().items()}
    there = {name: path for name, path in named.items() if path and Path(path).is_file()}
    return sections | {name: digest_file(path) for name, path in there.items()}


def write(config: StudyConfig, folder: Path = FOLDER) -> None:
    """Note what the jobs that a run is about to start were planned from."""
    write_json(dict(describe(config)), file_of(config.study, folder))


def refuse_changed(config: StudyConfig, folder: Path = FOLDER) -> None:
    """Refuse a job whose config or tables are not those of its plan.

    Where nothing was noted, as without a file system that machines share, nothing is known.

    Parameters
    ----------
    config
        The config as the job reads it.
    folder
        Where the run noted what it was planned from.

    Raises
    ------
    StudyError
        Naming the sections and tables that have changed since.
    """
    try:
        planned = json.loads(file_of(config.study, folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    now = describe(config)
    changed = [name for name in {**planned, **now} if planned.get(name) != now.get(name)]
    if changed:
        raise StudyError(
            f"{', '.join(changed)}: changed after this job was planned, so that it was not "
            "started; run the same command again, which plans with what is there now"
        )
