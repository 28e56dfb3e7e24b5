"""State dicts of other programs: reading them, and saying what does not fit."""

import argparse
import logging
import os
import pickle
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from microcalc.config.backbones import TIMM, parts
from microcalc.core.errors import StudyError
from microcalc.features import backbone, key_maps
from microcalc.features.preprocessing import IMAGENET, Preprocessing

log = logging.getLogger(__name__)

WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which training scripts file a state dict beside optimizer and epoch."""

FOREIGN = re.compile(r"(?:GLOBAL|[Gg]lobal|[Cc]lass)\s+(\w+(?:\.\w+)+)")
MOST = 8


def _ignored(*_arguments: Any) -> None:
    """Stand in for what a checkpoint files beside its tensors: options of its training script."""


HARMLESS: tuple[tuple[Any, str], ...] = (
    (argparse.Namespace, "argparse.Namespace"),
    *(
        (dict, f"{module}.AttributeDict")
        for module in (
            "lightning.fabric.utilities.data",
            "lightning_fabric.utilities.data",
            "pytorch_lightning.utilities.parsing",
            "lightning.pytorch.utilities.parsing",
        )
    ),
    *((_ignored, f"pathlib.{name}") for name in ("PosixPath", "WindowsPath", "Path")),
)
"""Classes of options, of which DINO's and Lightning's checkpoints hold some: values and no code."""


def read(path: str | os.PathLike[str]) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Return the tensors of a weights file, and its metadata where the format has any.

    Nothing in the file is executed: it is safetensors, or torch's own format with
    ``weights_only=True``. State dicts inside others, as a checkpoint's teacher and student, are
    laid flat: ``teacher.backbone.norm.weight``.

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
        When the file holds no tensors, or objects that only code could read.
    """
    file = Path(path)
    try:
        if file.suffix == ".safetensors":
            with safe_open(file, framework="pt") as opened:
                metadata = dict(opened.metadata() or {})
            return load_file(file), metadata
        with torch.serialization.safe_globals(list(HARMLESS)):
            saved = torch.load(
                file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file)
            )
    except (
        *(pickle.UnpicklingError, SafetensorError, EOFError),
        *(RuntimeError, AttributeError, TypeError, ValueError, KeyError, IndexError),
    ) as error:
        raise StudyError(_unreadable(file, error)) from None
    return _unwrap(saved, file.name), {}


def _unreadable(file: Path, error: Exception) -> str:
    """Return why a file cannot be read, without torch's advice to run the code in it."""
    text = str(error)
    foreign = FOREIGN.search(text)
    if isinstance(error, pickle.UnpicklingError) and foreign:
        reason = (
            f"beside tensors it holds an object of {foreign[1]}, which only code could make, and "
            "code in a weights file is never run"
        )
    elif file.suffix == ".safetensors":
        reason = text.splitlines()[0] if text else type(error).__name__
    else:
        reason = "it is damaged, cut short, or of another format"
    return (
        f"features.<name>.weights: {file.name} is no state dict that can be read safely "
        f"({reason}); where it was trained save model.state_dict() with torch.save, or as "
        "safetensors"
    )


def _unwrap(saved: Any, name: str) -> dict[str, torch.Tensor]:
    for key in WRAPPERS:
        if isinstance(saved, Mapping) and isinstance(saved.get(key), Mapping):
            saved = saved[key]
            break
    if not isinstance(saved, Mapping) or not saved:
        raise StudyError(
            f"features.<name>.weights: {name} holds a {type(saved).__name__}, no state dict"
        )
    found = _flat(saved)
    if not found:
        entries = [str(key) for key in saved]
        raise StudyError.listing(
            f"features.<name>.weights: {name} holds no tensors, so it is no state dict; save "
            "model.state_dict(). Its entries are",
            entries,
            most=10,
        )
    return found


def _flat(saved: Mapping[Any, Any], place: str = "") -> dict[str, torch.Tensor]:
    """Return the tensors in dictionaries inside dictionaries, their keys joined by dots."""
    found: dict[str, torch.Tensor] = {}
    for key, value in saved.items():
        if isinstance(value, torch.Tensor):
            found[f"{place}{key}"] = value
        elif isinstance(value, Mapping):
            found |= _flat(value, f"{place}{key}.")
    return found


@dataclass(frozen=True)
class Fitted:
    """What a backbone takes of a file.

    Attributes
    ----------
    tensors
        What `backbone.parameters_of` gives, by name and in the same types (float32).
    prefix
        What their names began with.
    """

    tensors: dict[str, torch.Tensor]
    prefix: str


def fit(
    tensors: Mapping[str, torch.Tensor],
    name: str,
    *,
    source: str,
    prefix: str | None = None,
    preprocessing: Preprocessing = IMAGENET,
) -> Fitted:
    """Return the tensors that a backbone needs, out of a state dict.

    Without a stated prefix the one is taken under which all of them are (``module.`` of
    DataParallel, ``_orig_mod.`` of torch.compile, ``backbone.``, ``teacher.backbone.``), see
    `microcalc.features.key_maps`; the head may be there, be missing or be another.

    Parameters
    ----------
    tensors
        A state dict.
    name
        What the backbone is known by.
    source
        What to call the file in an error.
    prefix
        What the names of its tensors begin with, where it is stated.
    preprocessing
        The size and channels of the images that it is built for.

    Returns
    -------
    Fitted
        Tensors of the backbone alone.

    Raises
    ------
    StudyError
        Listing what is missing, too many or of another shape, and what to set; when several
        networks of the file would fit; when a number is not finite.
    """
    body, _ = backbone.build(name, size=preprocessing.size, channels=preprocessing.channels)
    wanted = backbone.parameters_of(body)
    children = [child for child, _ in body.named_children()]
    given = {key: t for key, t in tensors.items() if not key.endswith("num_batches_tracked")}
    found = _chosen(given, wanted, children, prefix, source)
    misfit = _Misfit.of(found, wanted, head=backbone.head_name(name).split(".")[0])
    if misfit.lines:
        advice = misfit.advice(given, wanted, children, name, prefix)
        raise StudyError(
            f"features.<name>.weights: {source} does not fit features.<name>.backbone "
            f"{parts(name)[1]} of {backbone.library_of(name)}: {misfit.counted}\n"
            + "\n".join([*misfit.lines, *advice])
        )
    fitted = {key: _as_wanted(found.tensors[key], wanted[key]) for key in wanted}
    refuse_not_finite(fitted, source=source)
    return Fitted(fitted, found.prefix)


def _chosen(
    given: key_maps.Tensors,
    wanted: Mapping[str, torch.Tensor],
    children: Sequence[str],
    prefix: str | None,
    source: str,
) -> key_maps.Branch:
    if prefix is not None:
        found = key_maps.branch(given, wanted, children, prefix)
        if not found.tensors:
            begins = sorted({".".join(key.split(".")[:2]) for key in given})
            raise StudyError.listing(
                f"features.<name>.weights_prefix: no tensor of {source} begins with {prefix!r}; "
                f"its {len(given)} tensors begin with",
                begins,
                most=10,
            )
        return found
    whole = key_maps.branches(given, wanted, children)
    if len(whole) > 1:
        raise StudyError.listing(
            f"features.<name>.weights: {source} holds {len(whole)} networks that fit; say which by "
            "features.<name>.weights_prefix, one of",
            [repr(one.prefix) for one in whole],
            most=10,
        )
    return whole[0] if whole else key_maps.nearest(given, wanted, children)


@dataclass(frozen=True)
class _Misfit:
    """What of a file does not fit a backbone."""

    missing: Sequence[str]
    unknown: Sequence[str]
    reshaped: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]

    @classmethod
    def of(
        cls, found: key_maps.Branch, wanted: Mapping[str, torch.Tensor], *, head: str
    ) -> "_Misfit":
        # Everything under the head's own branch is the head's, however it was rebuilt.
        unknown = [
            key
            for key in found.tensors
            if key not in wanted
            and key.split(".")[0] not in (head, f"{head}_dist")
            and not key_maps.OF_PRETRAINING.match(key)
        ]
        shapes = {
            key: (tuple(found.tensors[key].shape), tuple(tensor.shape))
            for key, tensor in wanted.items()
            if key in found.tensors
        }
        other = {key: pair for key, pair in shapes.items() if pair[0] != pair[1]}
        return cls(found.missing, unknown, other)

    @property
    def counted(self) -> str:
        return (
            f"{len(self.missing)} tensors missing, {len(self.unknown)} unknown, "
            f"{len(self.reshaped)} of another shape"
        )

    @property
    def lines(self) -> list[str]:
        reshaped = [
            f"{key} has shape {own}, expected {expected}"
            for key, (own, expected) in self.reshaped.items()
        ]
        return [
            *_some("missing", self.missing),
            *_some("unknown", self.unknown),
            *_some("shape", reshaped),
        ]

    def advice(
        self,
        given: key_maps.Tensors,
        wanted: Mapping[str, torch.Tensor],
        children: Sequence[str],
        name: str,
        prefix: str | None,
    ) -> list[str]:
        """Return what to set, as far as the names and shapes tell."""
        whole = key_maps.branches(given, wanted, children)
        if prefix is not None and whole:
            fitting = " or ".join(repr(one.prefix) for one in whole)
            return [f"  Set features.<name>.weights_prefix: {fitting}"]
        if not self.missing and not self.unknown and self.reshaped:
            key, (own, expected) = next(iter(self.reshaped.items()))
            if len(own) == 4 and own[2:] == expected[2:] and own[1] in (1, 3):
                return [
                    f"  {key} takes {own[1]} channel(s): set features.<name>.preprocessing."
                    f"channels: {own[1]}, with as many means and SDs"
                ]
            if all("pos_embed" in key or "pos_embedding" in key for key in self.reshaped):
                return [
                    "  The network was made for images of another size: state it, "
                    "features.<name>.preprocessing.size"
                ]
        is_timms = any(".attn.qkv." in key or "patch_embed.proj." in key for key in given)
        if is_timms and parts(name)[0] != TIMM:
            return [
                "  Its names are those of timm's networks: set features.<name>.source: timm and "
                "features.<name>.backbone to its name there"
            ]
        begins = sorted({key.split(".")[0] for key in given})
        return [
            "  Set features.<name>.backbone to the network that the file is of, or, where it is a "
            "part of what the file holds, features.<name>.weights_prefix; its names begin with "
            f"{', '.join(begins[:MOST])}{', ...' if len(begins) > MOST else ''}"
        ]


def refuse_not_finite(tensors: Mapping[str, torch.Tensor], *, source: str) -> None:
    """Refuse weights that are not all finite numbers.

    Parameters
    ----------
    tensors
        By name.
    source
        What to call them in an error.

    Raises
    ------
    StudyError
        Naming the tensors.
    """
    bad = [
        f"{key}: {int((~tensor.isfinite()).sum())} of {tensor.numel()} numbers"
        for key, tensor in tensors.items()
        if tensor.is_floating_point() and not tensor.isfinite().all()
    ]
    if bad:
        raise StudyError(
            f"features.<name>.weights: {source} holds numbers that are not finite (NaN or "
            f"infinite) in {len(bad)} of {len(tensors)} tensors, so that no feature could be; its "
            "training failed, or the file was damaged\n" + "\n".join(_some("not finite", bad))
        )


def _as_wanted(given: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return given.detach().to(dtype=wanted.dtype).contiguous()


def _some(kind: str, lines: Sequence[str], most: int = MOST) -> list[str]:
    shown = [f"  - {kind}: {line}" for line in lines[:most]]
    return shown + [f"  - {kind}: ... and {len(lines) - most} more"] * (len(lines) > most)
