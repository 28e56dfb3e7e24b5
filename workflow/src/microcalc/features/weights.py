"""The weights of a study, whatever their source, as one file that extraction maps into memory."""

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from microcalc.config.backbones import ONNX, TIMM, TORCHVISION, parts
from microcalc.config.network_settings import PreprocessingSettings, WeightsSettings
from microcalc.config.published_weights import RANDOM, is_published
from microcalc.core.errors import StudyError
from microcalc.core.files import atomic_file, digest_file
from microcalc.features import backbone as backbones
from microcalc.features import fetch, forward, generated, statedict, timm_models
from microcalc.features.onnx_network import TENSOR
from microcalc.features.preprocessing import (
    IMAGENET,
    Preprocessing,
    of_weights,
    refuse_contradiction,
)
from microcalc.features.vision import torchvision

TRIAL_PX = 224
"""Side of the picture that a network is tried on which takes any."""


@dataclass(frozen=True)
class Prepared:
    """A backbone's tensors and where they came from.

    Attributes
    ----------
    backbone
        What the network is known by, see `microcalc.config.backbones.architecture`.
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
    weights: str,
    *,
    seed: int,
    weights_prefix: str | None = None,
    preprocessing: PreprocessingSettings | None = None,
    tokens: str | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> Prepared:
    """Return the weights that the config names.

    Parameters
    ----------
    backbone
        What the network is known by, see `microcalc.config.backbones.architecture`.
    weights
        What its source calls published weights, such as ``IMAGENET1K_V2``; the path of a state
        dict, safetensors or ONNX file; or ``random`` (see `generated`).
    seed
        The study's seed, used by ``random`` alone.
    weights_prefix
        What the names of its tensors begin with in a file that holds more.
    preprocessing
        What the config states of it: of a file everything, unless its metadata say it.
    tokens
        How tokens are pooled, see `microcalc.features.tokens`.
    cache
        Where downloads are kept; torch's or the hub's own folder by default.

    Returns
    -------
    Prepared
        To be written with `write`; the network was tried on one picture.

    Raises
    ------
    StudyError
        When there is no such file, it cannot be downloaded, does not state its preprocessing, does
        not fit the backbone or holds numbers that are not finite.
    """
    source, stated = parts(backbone)[0], preprocessing
    if source == ONNX:
        found = _of_onnx(backbone, Path(weights), stated)
    elif weights == RANDOM:
        how = of_weights(stated, IMAGENET, source="random weights")
        made = generated.tensors(backbone, seed=seed, preprocessing=how)
        found = Prepared(backbone, f"random (seed {seed})", how, made)
    elif is_published(weights, source):  # type: ignore[arg-type]
        publish = _published_by_timm if source == TIMM else _published
        found = publish(backbone, weights, stated, cache)
    else:
        found = _given(backbone, Path(weights), weights_prefix, stated)
    if source != TORCHVISION:
        _try(found, tokens)
    return found


def _try(prepared: Prepared, tokens: str | None) -> None:
    """Refuse at once what could not be computed on any patch: one gray picture goes through."""
    network = backbones.of_tensors(
        prepared.backbone, prepared.tensors, prepared.preprocessing, tokens=tokens
    )
    size = prepared.preprocessing.size or network.takes or TRIAL_PX
    picture = np.full((1, size, size), 0.5, dtype=np.float32)
    try:
        forward.extract(network, picture)
    except forward.NotFiniteError:
        raise StudyError(
            f"features.<name>.weights: with {prepared.source} a gray picture's features are not "
            "finite numbers; its weights hold such numbers, or are of another network"
        ) from None


def _of_onnx(backbone: str, path: Path, stated: PreprocessingSettings | None) -> Prepared:
    _refuse_missing(backbone, path)
    if path.suffix == ".safetensors":  # what a study prepared, for its models to be applied
        tensors, metadata = statedict.read(path)
        content = tensors[TENSOR]
        known: Preprocessing | None = _of_metadata(metadata, path)
        source = metadata.get("source", path.name)
    else:
        content = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
        known, source = None, path.name
    if known is not None:
        refuse_contradiction(stated, known, source=path.name)
    how = of_weights(stated, known, source=path.name)
    return Prepared(backbone, source, how, {TENSOR: content})


def _given(
    backbone: str, path: Path, prefix: str | None, stated: PreprocessingSettings | None
) -> Prepared:
    _refuse_missing(backbone, path)
    tensors, metadata = statedict.read(path)
    known = _of_metadata(metadata, path)
    if known is not None:
        refuse_contradiction(stated, known, source=path.name)
    how = of_weights(stated, known, source=path.name)
    fitted = statedict.fit(tensors, backbone, source=path.name, prefix=prefix, preprocessing=how)
    part = f" ({fitted.prefix})" if fitted.prefix else ""
    return Prepared(backbone, f"{path.name}{part}", how, fitted.tensors)


def _refuse_missing(backbone: str, path: Path) -> None:
    if not path.is_file():
        raise StudyError(
            f"features.<name>.weights: there is no file {path}\n"
            + _ways_out(backbone, fetch.cache_folder())
        )


def _of_metadata(metadata: Mapping[str, str], path: Path) -> Preprocessing | None:
    if "preprocessing" not in metadata:
        return None
    try:
        return Preprocessing.from_json(metadata["preprocessing"])
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(f"features.<name>.weights: {path.name}, preprocessing: {error}") from None


def fetched(
    settings: WeightsSettings, *, cache: str | os.PathLike[str] | None = None
) -> dict[str, str]:
    """Bring published weights into the cache, and return which file they are.

    Parameters
    ----------
    settings
        Of a network whose `weights` are published.
    cache
        As in `prepare`.

    Returns
    -------
    dict
        backbone, weights, file (its name in the cache) and sha256.

    Raises
    ------
    StudyError
        When there are no such weights or they cannot be downloaded.
    """
    backbone, weights = settings.backbone, settings.weights
    source, name = parts(backbone)
    if source == TIMM:
        of_timm = timm_models.published(name, weights)
        path = _in_cache(of_timm, backbone, cache)
        file = of_timm.repository or path.name
    else:
        path = _in_cache(_Torchvision.of(backbone, weights), backbone, cache)
        file = path.name
    return {"backbone": backbone, "weights": weights, "file": file, "sha256": digest_file(path)}


class _Fetchable(Protocol):
    """Published weights."""

    @property
    def named(self) -> str:
        """What they are called in an error."""

    def file(self, cache: str | os.PathLike[str] | None) -> Path:
        """Return their file, fetched where it is not in the cache."""


@dataclass(frozen=True)
class _Torchvision:
    """Weights that torchvision publishes."""

    backbone: str
    weights: str
    entry: Any

    @classmethod
    def of(cls, backbone: str, weights: str) -> "_Torchvision":
        return cls(backbone, weights, published_entry(backbone, weights))

    @property
    def named(self) -> str:
        return f"{self.weights} of {self.backbone} ({fetch.name_of(self.entry.url)})"

    def file(self, cache: str | os.PathLike[str] | None) -> Path:
        return fetch.fetch(self.entry.url, cache or fetch.cache_folder())


def _in_cache(published: _Fetchable, backbone: str, cache: str | os.PathLike[str] | None) -> Path:
    try:
        return published.file(cache)
    except OSError as error:
        folder = Path(cache) if cache else fetch.cache_folder(backbone)
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise StudyError(
            f"features.<name>.weights: {published.named} is not in {folder} and could not be "
            f"downloaded ({reason})\n" + _ways_out(backbone, folder)
        ) from None


def _published(
    backbone: str,
    weights: str,
    stated: PreprocessingSettings | None,
    cache: str | os.PathLike[str] | None,
) -> Prepared:
    published = _Torchvision.of(backbone, weights)
    path = _in_cache(published, backbone, cache)
    tensors, _ = statedict.read(path)
    how = of_weights(stated, _published_preprocessing(published.entry), source=path.name)
    fitted = statedict.fit(tensors, backbone, source=path.name, preprocessing=how)
    return Prepared(backbone, f"{weights} ({path.name})", how, fitted.tensors)


def _published_by_timm(
    backbone: str,
    weights: str,
    stated: PreprocessingSettings | None,
    cache: str | os.PathLike[str] | None,
) -> Prepared:
    published = timm_models.published(parts(backbone)[1], weights)
    path = _in_cache(published, backbone, cache)
    how = of_weights(stated, published.preprocessing, source=published.named)
    loaded = backbones.parameters_of(timm_models.loaded(published, path, how))
    body, _ = backbones.build(backbone, size=how.size, channels=how.channels)
    tensors = {key: loaded[key].detach().contiguous() for key in backbones.parameters_of(body)}
    statedict.refuse_not_finite(tensors, source=published.named)
    return Prepared(backbone, f"{weights} ({published.repository or path.name})", how, tensors)


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
    form = "an ONNX" if parts(backbone)[0] == ONNX else "a state dict or safetensors"
    return (
        "Three ways out:\n"
        f"  - give features.<name>.weights the path of {form} file of {parts(backbone)[1]}\n"
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
        When a tensor is neither float32, int64 nor bytes.
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
        By name: float32, int64 or bytes.
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


_DTYPES = {torch.int64: "I64", torch.float32: "F32", torch.uint8: "U8"}


def _bytes(tensor: torch.Tensor) -> memoryview:
    return tensor.detach().contiguous().numpy().reshape(-1).view(np.uint8).data
