"""Frozen models as JSON files: reading, and checking against their schema."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from microcalc.config.networks import OWN_NETWORK
from microcalc.core.errors import StudyError, shown
from microcalc.core.files import read_json

SCHEMA_VERSION = 1
SCHEMA = Path(__file__).parents[3] / "schemas" / "model.yaml"

FrozenModel = dict[str, Any]


def check(model: FrozenModel, name: str = "the model") -> FrozenModel:
    """Return the model as it is, after checking it against workflow/schemas/model.yaml.

    Raises
    ------
    StudyError
        Listing what does not fit, or saying that the schema's version is another.
    """
    if not isinstance(model, dict):
        raise StudyError(
            f"{name}: {shown(model)} is no frozen model; expected what the study wrote, an object "
            "with the key schema"
        )
    if model.get("schema") != SCHEMA_VERSION:
        raise StudyError(
            f"{name}: written for version {model.get('schema')} of the model schema, this "
            f"MicroCalc reads version {SCHEMA_VERSION}; fit the model again"
        )
    errors = jsonschema.Draft202012Validator(_schema()).iter_errors(model)
    problems = [
        f"{'.'.join(map(str, error.absolute_path)) or 'top'}: {error.message}" for error in errors
    ]
    if problems:
        raise StudyError.listing(
            f"{name}: not a frozen model as workflow/schemas/model.yaml says", sorted(problems)
        )
    return model


def read(path: str | os.PathLike[str]) -> FrozenModel:
    """Return the frozen model of a file, checked."""
    return check(read_json(path), os.path.basename(path))


def network(model: Mapping[str, Any]) -> str:
    """Return the network whose features a model takes; the study's own for one that takes none."""
    return str((model.get("deep") or {}).get("network", OWN_NETWORK))


@cache
def _schema() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    return loaded
