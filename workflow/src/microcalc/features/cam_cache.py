"""Cache of class activation maps: the network runs for new cases alone.

What it gave is kept in a file, and every model's maps are made of that: a model changes with every
case it is fitted on, the network does not.
"""

import logging
import os
import zipfile
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from microcalc.core.files import atomic_file, digest_bytes, digest_value
from microcalc.features import cam, forward
from microcalc.features import device as devices

log = logging.getLogger(__name__)

RECIPE = 1
"""Raise this when the same patches and the same weights give other maps than before."""

Patches = npt.NDArray[np.float32]


def of_cases(
    patches: Mapping[str, Patches],
    coefficients: Mapping[int, float],
    weights_path: str | os.PathLike[str],
    described: Mapping[str, str],
    *,
    device: str = "cpu",
    kept: str | os.PathLike[str] | None = None,
    cache: bool = True,
) -> dict[str, cam.Cam]:
    """Return the class activation maps of each case: where its score comes from.

    Parameters
    ----------
    patches
        By case its views, shape (v, S, S).
    coefficients
        Of the score, by the feature's place in the network's output; all others are 0.
    weights_path
        The prepared weights.
    described
        Their backbone and digest, which `models.provenance` reads without torch.
    device
        As `features.<name>.device` of the config. Under ``auto`` a GPU may find a CPU's maps kept.
    kept
        A file that is brought up to date: what the network gave for these cases. One that is not
        there, or cannot be read, counts as empty.
    cache
        As `images.cache` of the config: false computes all cases again.

    Returns
    -------
    dict of Cam
        By case.

    Raises
    ------
    StudyError
        When no layer of the network has positions, so that there is nothing to map.
    """
    keys = {case: _key(views, described["digest"], device) for case, views in patches.items()}
    known = _read(kept, keys.values()) if kept and cache else {}
    new = [case for case, key in keys.items() if key not in known]
    log.info("computed %d cases, kept %d", len(new), len(keys) - len(new))
    found: dict[str, cam.Cam] = {}
    if new:
        from microcalc.features import backbone

        width = backbone.build(described["backbone"])[1]
        with devices.hold(devices.choose(device)) as held:
            network = backbone.load(described["backbone"], weights_path, device=held)
            for case in new:
                # What holds for a network's first case holds for all.
                last = None if found else cam.last_maps(network, patches[case])
                if last:
                    known[keys[case]] = last
                else:
                    found[case] = cam.grad_cam(network, patches[case], _dense(coefficients, width))
    used = {case: known[key] for case, key in keys.items() if key in known}
    if kept:
        _write({keys[case]: last for case, last in used.items()}, kept)
    for case, last in used.items():
        found[case] = cam.exact(last, _dense(coefficients, last.features.shape[1]))
    return found


def _dense(coefficients: Mapping[int, float], width: int) -> npt.NDArray[np.float64]:
    dense = np.zeros(width)
    dense[list(coefficients)] = list(coefficients.values())
    return dense


def _key(patches: Patches, weights: str, device: str) -> str:
    """Return a digest of all that a case's maps depend on."""
    return digest_value(
        {
            **{"weights": weights, "device": device, "recipes": [RECIPE, forward.RECIPE]},
            **{name: version(name) for name in ("torch", "torchvision")},
            "patches": digest_bytes(patches.tobytes()),
            "shape": list(patches.shape),
        }
    )


def _read(path: str | os.PathLike[str], wanted: Iterable[str]) -> dict[str, cam.LastMaps]:
    """Return what an earlier run kept, by key; none when its file is missing or damaged."""
    if not Path(path).exists():
        return {}
    try:
        with np.load(path, allow_pickle=False) as kept:
            return {
                key: cam.LastMaps(kept[f"{key}.features"], kept[f"{key}.maps"])
                for key in wanted
                if f"{key}.maps" in kept.files
            }
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        log.warning("%s cannot be read (%s); computing all cases", Path(path).name, error)
        return {}


def _write(known: Mapping[str, cam.LastMaps], path: str | os.PathLike[str]) -> None:
    """Write what is known, the same bytes for the same maps."""
    arrays = {
        f"{key}.{name}": part for key, last in known.items() for name, part in vars(last).items()
    }
    with atomic_file(path) as file:
        np.savez(file, allow_pickle=False, **arrays)
