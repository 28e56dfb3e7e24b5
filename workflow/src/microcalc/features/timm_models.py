"""timm's networks without their heads, and its published weights.

timm takes seconds to import, so that it is imported where one of its networks is asked for.
"""

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from microcalc.core.errors import StudyError, did_you_mean
from microcalc.features import fetch
from microcalc.features.preprocessing import Preprocessing


def library() -> Any:
    """Return timm.

    Raises
    ------
    StudyError
        When it is not installed.
    """
    try:
        return import_module("timm")
    except ModuleNotFoundError as error:
        raise StudyError(
            f"features.<name>.source is timm, which is not installed here ({error}); install it "
            "with: pip install 'microcalc[features]'"
        ) from None


def build(name: str, *, size: int | None, channels: int) -> tuple[torch.nn.Module, int]:
    """Return a network without its head, initialized as timm does, and its number of features.

    Parameters
    ----------
    name
        As timm calls it, without a tag.
    size
        Side in pixels of the images it is for, where it is built for one size; None for timm's.
    channels
        How many channels the images have.

    Returns
    -------
    body : torch.nn.Module
        With timm's `forward_features` and `forward_head`, and `image_size` where it takes no other.
    width : int
        How many features come out of the head's pooling.

    Raises
    ------
    StudyError
        When timm has no network of this name, or none of this size.
    """
    timm = library()
    if not timm.is_model(name):
        raise StudyError(
            f"features.<name>.backbone is {name!r}, which timm {timm.__version__} does not have"
            f"{did_you_mean(name, timm.list_models())}"
        )
    options = {"pretrained": False, "num_classes": 0, "in_chans": channels}
    own = timm.get_pretrained_cfg(name, allow_unregistered=True)
    is_fixed = bool(own is not None and own.fixed_input_size)
    built_for = own.input_size[-1] if own is not None else None
    try:
        if is_fixed and size not in (None, built_for):
            options["img_size"], built_for = size, size
        body: torch.nn.Module = timm.create_model(name, **options)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise StudyError(
            f"features.<name>.preprocessing: timm cannot build {name} for images of "
            f"{size or built_for} x {size or built_for} pixels with {channels} channel(s) "
            f"({_first_line(error)})"
        ) from None
    if is_fixed:
        body.image_size = built_for  # type: ignore[assignment]
    width: Any = getattr(body, "head_hidden_size", None) or body.num_features
    return body, int(width)


def head_name(name: str) -> str:
    """Return the dotted name of a network's head, such as ``fc`` or ``head.fc``.

    Parameters
    ----------
    name
        As timm calls it.
    """
    own = library().get_pretrained_cfg(name, allow_unregistered=True)
    found = own.classifier if own is not None else None
    first = found if isinstance(found, str) else next(iter(found or ("head",)))
    return str(first)


@dataclass(frozen=True)
class Published:
    """Weights that timm publishes.

    Attributes
    ----------
    name, tag
        `vit_small_patch16_224` and `augreg_in21k_ft_in1k`.
    repository
        Where the hub has them; empty where `url` has.
    url
        Where else they are.
    preprocessing
        What the network was trained on.
    """

    name: str
    tag: str
    repository: str
    url: str
    preprocessing: Preprocessing

    @property
    def named(self) -> str:
        """What they are called in an error."""
        return f"{self.tag} of {self.name} ({self.repository or fetch.name_of(self.url)})"

    def file(self, cache: str | os.PathLike[str] | None) -> Path:
        """Return their file, fetched where it is not in the cache.

        Parameters
        ----------
        cache
            The folder of downloads; the hub's own, or torch's, by default.

        Raises
        ------
        OSError
            When it cannot be had.
        StudyError
            When what was downloaded is not what was promised.
        """
        if self.repository:
            return fetch.from_hub(self.repository, folder=cache)
        try:
            return fetch.fetch(self.url, cache or fetch.cache_folder())
        except ValueError as error:
            raise StudyError(
                f"features.<name>.weights: {self.tag} of {self.name} is published without a digest "
                f"({error}); download it yourself and give its path"
            ) from None


def published(name: str, tag: str) -> Published:
    """Return what timm publishes under a name.

    Parameters
    ----------
    name
        The network's.
    tag
        The weights'.

    Raises
    ------
    StudyError
        When there are none of this name, or timm publishes them in no way that is taken here.
    """
    timm = library()
    if not timm.is_model(name):
        build(name, size=None, channels=3)  # says so
    listed = timm.list_models(f"{name}.*", pretrained=True)
    tags = [known.partition(".")[2] for known in listed]
    if tag not in tags:
        raise StudyError(
            f"features.<name>.weights: timm publishes no {tag} for {name}; it has "
            f"{', '.join(tags) or 'none'}{did_you_mean(tag, tags)}. random, or the path of a file, "
            f"would do too; a file without a suffix is named as ./{tag}"
        )
    own = timm.get_pretrained_cfg(f"{name}.{tag}")
    if own.custom_load or not (own.hf_hub_id or own.url):
        raise StudyError(
            f"features.<name>.weights: timm loads {tag} of {name} in a way of its own, which is "
            "not taken here; save its state dict as safetensors and give the path"
        )
    size = own.input_size[-1] if own.fixed_input_size else None
    mean, std = tuple(map(float, own.mean)), tuple(map(float, own.std))
    return Published(name, tag, own.hf_hub_id or "", own.url or "", Preprocessing(mean, std, size))


def loaded(weights: Published, path: Path, preprocessing: Preprocessing) -> torch.nn.Module:
    """Return a network with published weights, loaded by timm, which refuses what does not fit.

    Parameters
    ----------
    weights
        From `published`.
    path
        Their file.
    preprocessing
        What size and channels to build the network for.

    Raises
    ------
    StudyError
        When the file is not of that network.
    """
    options: dict[str, Any] = {"in_chans": preprocessing.channels}
    if preprocessing.size not in (None, weights.preprocessing.size) and weights.preprocessing.size:
        options["img_size"] = preprocessing.size
    try:
        made: torch.nn.Module = library().create_model(
            f"{weights.name}.{weights.tag}",
            pretrained=True,
            pretrained_cfg_overlay={"file": str(path)},
            **options,
        )
    except (RuntimeError, KeyError, TypeError, ValueError, AssertionError) as error:
        raise StudyError(
            f"features.<name>.weights: timm cannot load {path.name} as {weights.tag} of "
            f"{weights.name} ({_first_line(error)})"
        ) from None
    return made


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
