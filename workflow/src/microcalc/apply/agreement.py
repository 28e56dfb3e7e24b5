"""Whether the new cohort's features are made as those were that the models were fitted on."""

import os
import shutil
from collections.abc import Mapping
from typing import Any

from microcalc.errors import StudyError
from microcalc.files import atomic_path
from microcalc.models import frozen, provenance

Path = str | os.PathLike[str]


def take(
    source: Path,
    target: Path,
    *,
    weights: Path,
    images: Mapping[str, Any],
    extraction: Mapping[str, Any],
) -> None:
    """Copy a frozen model, byte for byte, once nothing speaks against using it here.

    Parameters
    ----------
    source, target
        The model's file, and where it goes.
    weights
        The weights, as prepared here, of the network whose features it takes.
    images, extraction
        The settings that the cohort's features are made with, see `provenance.preprocessing`.

    Raises
    ------
    StudyError
        Listing every digest that differs; nothing is copied then.
    """
    here = provenance.weights(weights), provenance.preprocessing(images, extraction)
    problems = differences(frozen.read(source), *here)
    if problems:
        raise StudyError.listing(
            "The model was fitted on features made in another way than this cohort's would be; use "
            "the weights and the MicroCalc that it was fitted with",
            problems,
        )
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def differences(
    model: frozen.FrozenModel, weights: Mapping[str, Any], preprocessing: Mapping[str, Any]
) -> list[str]:
    """Return a line for everything in which a model's features differ from those made here."""
    if model["deep"] is None:
        return []
    fitted, made = model["deep"]["weights"], model["deep"]["preprocessing"]
    found = [
        f"model {model['name']}: {name} is {weights[key]} here, {fitted[key]} in the model"
        for key, name in (("backbone", "the backbone"), ("digest", "the digest of the weights"))
        if weights[key] != fitted[key]
    ]
    if made["digest"] != preprocessing["digest"]:
        found += _settings(model["name"], preprocessing, made) or [
            f"model {model['name']}: the digest of the preprocessing is "
            f"{preprocessing['digest']} here, {made['digest']} in the model"
        ]
    return found


def _settings(name: str, here: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    return [
        f"model {name}: {part}.{key} is {here[part].get(key)!r} here, "
        f"{there[part].get(key)!r} in the model"
        for part in ("images", "features")
        for key in sorted({*here[part], *there[part]})
        if here[part].get(key) != there[part].get(key)
    ]
