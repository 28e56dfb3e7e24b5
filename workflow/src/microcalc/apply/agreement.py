"""Whether the new cohort's features are made as those were that the models were fitted on."""

import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from microcalc.core.errors import StudyError
from microcalc.core.files import atomic_path, write_each
from microcalc.models import frozen, provenance

Path = str | os.PathLike[str]


def take(
    sources: Sequence[Path],
    targets: Sequence[Path],
    weights: Mapping[str, Path],
    preprocessing: Mapping[str, Mapping[str, Any]],
) -> None:
    """Copy frozen models, byte for byte, once nothing speaks against using them here.

    Parameters
    ----------
    sources, targets
        The models' files, and where each goes.
    weights
        By network, the weights as prepared here.
    preprocessing
        By network, `images` and `extraction` of `provenance.preprocessing`: the settings that the
        cohort's features are made with.

    Raises
    ------
    StudyError
        Listing every digest that differs; nothing is copied then.
    """
    here = {
        name: (provenance.weights(path), provenance.preprocessing(**preprocessing[name]))
        for name, path in weights.items()
    }
    models = [frozen.read(source) for source in sources]
    problems = [line for m in models for line in differences(m, *here[frozen.network(m)])]
    if problems:
        raise StudyError.listing(
            "The models were fitted on features made in another way than this cohort's would be; "
            "use the weights and the MicroCalc that they were fitted with",
            problems,
        )
    write_each(_copy, sources, targets)


def _copy(source: Path, target: Path) -> None:
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
