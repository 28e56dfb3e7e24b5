"""The settings that go with the frozen models to whoever applies them: one YAML file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from microcalc.core.errors import StudyError

VERSION = 2
SECTIONS = (
    *("study", "seed", "labels", "images", "features", "scores", "clinical", "models"),
    *("threshold", "evaluation"),
)
"""The sections of the config that a cohort is predicted and evaluated by."""


def to_yaml(settings: Mapping[str, Any], *, simulated: bool) -> str:
    """Return the text of `models/settings.yaml`.

    Parameters
    ----------
    settings
        The config's `SECTIONS`, defaults filled in.
    simulated
        Whether the models were fitted on phantoms.

    Returns
    -------
    str
        YAML of `version`, `simulated` and `config`.
    """
    content = {"version": VERSION, "simulated": simulated, "config": dict(settings)}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def read(folder: Path) -> dict[str, Any]:
    """Return what the study that froze the models was configured to be.

    Parameters
    ----------
    folder
        The study's results folder.

    Returns
    -------
    dict
        `version`, `simulated` and `config`, see `to_yaml`.

    Raises
    ------
    StudyError
        When there are no frozen models, or they are of another version.
    """
    path = folder / "models" / "settings.yaml"
    if not path.is_file():
        raise StudyError(
            f"models={folder}: there is no {path}; expected the results folder of a finished "
            "study, such as results/demo"
        )
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if content.get("version") != VERSION:
        raise StudyError(
            f"{path}: of version {content.get('version')}, this MicroCalc reads version {VERSION}; "
            "apply the models with the version that froze them, or run their study again"
        )
    return content
