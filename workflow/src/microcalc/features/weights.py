"""The weights of a study, whatever their source, as one file that extraction maps into memory."""

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from microcalc.config.published_weights import is_published
from microcalc.core.errors import StudyError
from microcalc.core.files import atomic_file, digest_file
from microcalc.features import fetch, generated, statedict
from microcalc.features.preprocessing import IMAGENET, Preprocessing
from microcalc.features.vision import torchvision


@dataclass(frozen=True)
class Prepared:
    """A backbone's tensors and where they came from.

    Attributes
    ----------
    backbone
        A torchvision classification model.
    source
        ``IMAGENET1K_V2 (resnet101-cd907fc2.pth)``, a file's name, or ``random (seed 7)``.
    preprocessing
        The constants the input is to be normalized with.
    tensors
        The state dict without the head.
    """

    backbone: str
    source: str
    preprocessing: Preprocessing
    tensors: Mapping[str, torch.Tensor]

    def digest(self) -> str:
        """Return the SHA-256 of all that features depend on: tensors, constants and backbone.

        Returns
        -------
        str
            64 hexadecimal digits.
        """
        total = hashlib.sha256(f"{self.backbone}\n{self.preprocessing.to_json()}\n".encode())
        for name, tensor in sorted(self.tensors.items()):
            total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            total.update(_bytes(tensor))
        return total.hexdigest()


def prepare(
    backbone: str,
    source: str,
    *,
    seed: int,
    cache: str | os.PathLike[str] | None = None,
) -> Prepared:
    """Return the weights that `source` names.

    Parameters
    ----------
    backbone
        A torchvision classification model.
    source
        One of torchvision's names for published weights, such as ``IMAGENET1K_V2``; the path
        of a state dict or safetensors file; or ``random`` (see `generated`).
    seed
        The study's seed, used by ``random`` alone.
    cache
        Where downloads are kept; torch's own download folder by default.

    Returns
    -------
    Prepared
        To be written with `write`.

    Raises
    ------
    StudyError
        When there is no such file, it cannot be downloaded, or it does not fit the backbone.
    """
    if source == "random":
        return Prepared(
            backbone,
            f"random (seed {seed})",
            IMAGENET,
            generated.tensors(backbone, seed=seed, preprocessing=IMAGENET),
        )
    if is_published(source):
        return _published(backbone, source, cache)
    return _given(backbone, Path(source))


def _given(backbone: str, path: Path) -> Prepared:
    if not path.is_file():
        raise StudyError(
            f"features.<name>.weights: there is no file {path}\n"
            + _ways_out(backbone, fetch.cache_folder())
        )
    tensors, metadata = statedict.read(path)
    return Prepared(
        backbone,
        path.name,
        _stated_preprocessing(metadata, path),
        statedict.fit(tensors, backbone, source=path.name),
    )


def _stated_preprocessing(metadata: Mapping[str, str], path: Path) -> Preprocessing:
    if "preprocessing" not in metadata:
        return IMAGENET
    try:
        return Preprocessing.from_json(metadata["preprocessing"])
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(f"features.<name>.weights: {path.name}, preprocessing: {error}") from None


def fetched(
    backbone: str, source: str, *, cache: str | os.PathLike[str] | None = None
) -> dict[str, str]:
    """Bring published weights into the cache, and return which file they are.

    Parameters
    ----------
    backbone, source, cache
        As in `prepare`; `source` is one of torchvision's names.

    Returns
    -------
    dict
        backbone, weights, file (its name in the cache) and sha256.

    Raises
    ------
    StudyError
        When there are no such weights or they cannot be downloaded.
    """
    path = _in_cache(published_entry(backbone, source), backbone, source, cache)
    return {
        "backbone": backbone,
        "weights": source,
        "file": path.name,
        "sha256": digest_file(path),
    }


def _in_cache(entry: Any, backbone: str, source: str, cache: str | os.PathLike[str] | None) -> Path:
    folder = Path(cache) if cache else fetch.cache_folder()
    try:
        return fetch.fetch(entry.url, folder)
    except OSError as error:
        raise StudyError(
            f"features.<name>.weights: {source} of {backbone} ({fetch.name_of(entry.url)}) is not "
            f"in {folder} and could not be downloaded ({error})\n" + _ways_out(backbone, folder)
        ) from None


def _published(backbone: str, source: str, cache: str | os.PathLike[str] | None) -> Prepared:
    entry = published_entry(backbone, source)
    path = _in_cache(entry, backbone, source, cache)
    tensors, _ = statedict.read(path)
    return Prepared(
        backbone,
        f"{source} ({path.name})",
        _published_preprocessing(entry),
        statedict.fit(tensors, backbone, source=path.name),
    )


def published_entry(backbone: str, source: str) -> Any:
    """Return torchvision's entry for published weights.

    Parameters
    ----------
    backbone
        A torchvision classification model.
    source
        Its name for the weights, such as ``IMAGENET1K_V2``.

    Returns
    -------
    torchvision.models.WeightsEnum
        With its ``url`` and its ``transforms``.

    Raises
    ------
    StudyError
        When torchvision publishes none of this name for the backbone.
    """
    try:
        entries = torchvision.models.get_model_weights(backbone)
    except ValueError as error:
        raise StudyError(f"features.<name>.backbone: {error}") from None
    if source not in entries.__members__:
        raise StudyError(
            f"features.<name>.weights: torchvision has no {source} for {backbone}; it has "
            f"{', '.join(entries.__members__) or 'none'}. A path or random would do too"
        )
    return entries[source]


def _published_preprocessing(entry: Any) -> Preprocessing:
    transforms = entry.transforms()
    return Preprocessing(mean=tuple(transforms.mean), std=tuple(transforms.std))


def _ways_out(backbone: str, cache: Path) -> str:
    return (
        "Three ways out:\n"
        "  - give features.<name>.weights the path of a state dict or safetensors file of "
        f"{backbone}\n"
        f"  - let a machine with a network download the file once into {cache}\n"
        "  - use features.<name>.weights: random for a trial (its results mean nothing clinical)"
    )


def write(prepared: Prepared, path: str | os.PathLike[str]) -> None:
    """Write prepared weights as safetensors, the same bytes for the same weights.

    Parameters
    ----------
    prepared
        The weights; what they are goes into the file's metadata.
    path
        The file, replaced as a whole.

    Raises
    ------
    ValueError
        When a tensor is neither float32 nor int64.
    """
    metadata = {
        "backbone": prepared.backbone,
        "source": prepared.source,
        "digest": prepared.digest(),
        "preprocessing": prepared.preprocessing.to_json(),
    }
    write_tensors(prepared.tensors, metadata, path)


def write_tensors(
    tensors: Mapping[str, torch.Tensor],
    metadata: Mapping[str, str],
    path: str | os.PathLike[str],
) -> None:
    """Write tensors and metadata as safetensors, the same bytes for the same content.

    Safetensors' own writer puts the metadata in the order of a hash table that differs from
    process to process; the format itself is a length, a JSON header and the tensors.

    Parameters
    ----------
    tensors
        By name: float32 or int64.
    metadata
        Texts by name.
    path
        The file, replaced as a whole.

    Raises
    ------
    ValueError
        When a tensor is of another type.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    position = 0
    # Wide types first, so that every tensor starts where its type may.
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))
    for name, tensor in ordered:
        if tensor.dtype not in _DTYPES:
            raise ValueError(f"{name}: no safetensors type for {tensor.dtype}")
        size = tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [position, position + size],
        }
        position += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that mapped tensors are aligned
    with atomic_file(path) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, tensor in ordered:
            file.write(_bytes(tensor))


_DTYPES = {torch.int64: "I64", torch.float32: "F32"}


def _bytes(tensor: torch.Tensor) -> memoryview:
    return tensor.detach().contiguous().numpy().reshape(-1).view(np.uint8).data
