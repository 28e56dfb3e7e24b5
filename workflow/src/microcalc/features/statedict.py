"""State dicts of other programs: reading them, and saying what does not fit."""

import os
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from microcalc.core.errors import StudyError
from microcalc.features import backbone

WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which training scripts file a state dict beside optimizer and epoch."""

# Torchvision's published DenseNets still name their layers as in 2017.
OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.")


def read(path: str | os.PathLike[str]) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Return the tensors of a weights file, and its metadata where the format has any.

    Nothing in the file is executed: it is safetensors, or torch's own format with
    ``weights_only=True``.

    Parameters
    ----------
    path
        The file; one that ends in ``.safetensors`` is read as such.

    Returns
    -------
    tensors, metadata : dict
        By name.

    Raises
    ------
    StudyError
        When the file holds anything but tensors, or cannot be read.
    """
    file = Path(path)
    try:
        if file.suffix == ".safetensors":
            with safe_open(file, framework="pt") as opened:
                metadata = dict(opened.metadata() or {})
            return load_file(file), metadata
        saved = torch.load(
            file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file)
        )
    except (pickle.UnpicklingError, SafetensorError, EOFError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StudyError(
            f"features.weights: {file.name} is no state dict that can be read safely ({reason}); "
            "save model.state_dict() with torch.save, or as safetensors"
        ) from None
    return _unwrap(saved, file.name), {}


def _unwrap(saved: Any, name: str) -> dict[str, torch.Tensor]:
    for key in WRAPPERS:
        if isinstance(saved, Mapping) and isinstance(saved.get(key), Mapping):
            saved = saved[key]
            break
    if not isinstance(saved, Mapping) or not saved:
        raise StudyError(f"features.weights: {name} holds a {type(saved).__name__}, no state dict")
    foreign = [str(key) for key, value in saved.items() if not isinstance(value, torch.Tensor)]
    if foreign:
        raise StudyError.listing(
            f"features.weights: {name} holds entries that are no tensors; save model.state_dict()",
            foreign,
            most=10,
        )
    return dict(saved)


def fit(tensors: Mapping[str, torch.Tensor], name: str, *, source: str) -> dict[str, torch.Tensor]:
    """Return the tensors that a backbone needs, out of a state dict.

    Prefixes that a wrapper put before every name (``module.`` of DataParallel, ``_orig_mod.`` of
    torch.compile, ``backbone.``) are taken off; the head may be there, be missing or be another.

    Parameters
    ----------
    tensors
        A state dict.
    name
        A torchvision classification model.
    source
        What to call the file in an error.

    Returns
    -------
    dict
        What `backbone.parameters_of` gives, by name and in the same types (float32).

    Raises
    ------
    StudyError
        Listing what is missing, too many or of another shape.
    """
    body, _ = backbone.build(name)
    wanted = backbone.parameters_of(body)
    children = {child for child, _ in body.named_children()}
    given = {
        OLD_DENSENET.sub(r"\1\2.", key): value
        for key, value in _without_prefix(tensors, children).items()
        if not key.endswith("num_batches_tracked")
    }
    # Everything under the head's own branch is the head's, however it was rebuilt.
    head = backbone.head_name(name).split(".")[0]
    missing = [key for key in wanted if key not in given]
    extra = [key for key in given if key not in wanted and key.split(".")[0] != head]
    reshaped = [
        f"{key} has shape {tuple(given[key].shape)}, expected {tuple(wanted[key].shape)}"
        for key in wanted
        if key in given and given[key].shape != wanted[key].shape
    ]
    if missing or extra or reshaped:
        raise StudyError(
            f"features.weights: {source} does not fit features.backbone {name}: "
            f"{len(missing)} tensors missing, {len(extra)} unknown, {len(reshaped)} of another "
            f"shape\n"
            + "\n".join(
                [
                    *_some("missing", missing),
                    *_some("unknown", extra),
                    *_some("shape", reshaped),
                ]
            )
        )
    return {key: _as_wanted(given[key], wanted[key]) for key in wanted}


def _without_prefix(
    tensors: Mapping[str, torch.Tensor], children: set[str]
) -> dict[str, torch.Tensor]:
    named = dict(tensors)
    while len({key.partition(".")[0] for key in named}) == 1:
        prefix = next(iter(named)).partition(".")[0]
        if prefix in children or f"{prefix}." not in next(iter(named)):
            break
        named = {key.removeprefix(f"{prefix}."): value for key, value in named.items()}
    return named


def _as_wanted(given: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return given.detach().to(dtype=wanted.dtype).contiguous()


def _some(kind: str, lines: list[str], most: int = 8) -> list[str]:
    shown = [f"  - {kind}: {line}" for line in lines[:most]]
    return shown + [f"  - {kind}: ... and {len(lines) - most} more"] * (len(lines) > most)
