"""Networks without their heads: torchvision's, timm's, and those of ONNX files."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from microcalc.config.backbones import ONNX, TIMM, VISION_TRANSFORMERS, parts
from microcalc.core.errors import StudyError
from microcalc.core.files import named_when_damaged
from microcalc.features import timm_models
from microcalc.features.onnx_network import TENSOR, OnnxNetwork
from microcalc.features.pooled_network import Network
from microcalc.features.preprocessing import Preprocessing
from microcalc.features.tokens import PENULTIMATE
from microcalc.features.uninitialized import WithoutMemory
from microcalc.features.vision import torchvision


def names() -> list[str]:
    """Return the names of all classification networks that torchvision has.

    Returns
    -------
    list of str
        As `build` takes them, in alphabetical order.
    """
    return list(torchvision.models.list_models(module=torchvision.models))


def build(
    name: str,
    *,
    device: str = "meta",
    size: int | None = None,
    channels: int = 3,
    **options: Any,
) -> tuple[torch.nn.Module, int]:
    """Return a network whose head is the identity, and the number of features it gives.

    The head of torchvision's is the last linear layer or, in networks that classify before they
    pool, convolution; what goes into it is the pooled penultimate layer. On the meta device nothing
    is allocated and nothing initialized; timm's are made and initialized on the processor, whatever
    is asked for, since they compute buffers there that no file has.

    Parameters
    ----------
    name
        What it is known by, see `microcalc.config.backbones.architecture`.
    device
        Where its tensors are made.
    size
        Side of its images in pixels, for a network that is built for one size; None for its own.
    channels
        How many channels its images have.
    **options
        Handed to torchvision's builder.

    Returns
    -------
    body : torch.nn.Module
        From normalized images, shape (n, channels, S, S), to features, shape (n, d).
    width : int
        d.

    Raises
    ------
    StudyError
        When its source has no network of this name, or none for such images.
    """
    source, own = parts(name)
    if source == TIMM:
        # What a file's tensors replace is no draw of the job's own random numbers.
        with nullcontext() if device != "meta" else torch.random.fork_rng(devices=[]):
            return timm_models.build(own, size=size, channels=channels)
    body = _build_whole(name, device, options, size)
    if channels != 3:
        _take_channels(body, channels, device)
    head_name, head = _head(body)
    body.set_submodule(head_name, torch.nn.Identity())
    return body, head.in_features if isinstance(head, torch.nn.Linear) else head.in_channels


def head_name(name: str) -> str:
    """Return the dotted name of a backbone's head, such as ``fc`` or ``classifier.1``.

    Parameters
    ----------
    name
        What it is known by.

    Returns
    -------
    str
        Of the module that `build` replaces or leaves out.

    Raises
    ------
    StudyError
        When its source has no network of this name.

    Examples
    --------
    >>> from microcalc.features import backbone
    >>> backbone.head_name("resnet101")
    'fc'
    """
    source, own = parts(name)
    if source == TIMM:
        return timm_models.head_name(own)
    return _head(_build_whole(name, "meta", {}, None))[0]


def _build_whole(
    name: str, device: str, options: dict[str, Any], size: int | None
) -> torch.nn.Module:
    if name not in names():
        raise StudyError(
            f"features.<name>.backbone is {name!r}, which torchvision {torchvision.__version__} "
            f"does not have; it has {', '.join(names())}"
        )
    if size is not None and name.startswith(VISION_TRANSFORMERS):
        options = {**options, "image_size": size}
    with WithoutMemory() if device == "meta" else torch.device(device):
        body: torch.nn.Module = torchvision.models.get_model(name, weights=None, **options)
    return body


def _take_channels(body: torch.nn.Module, channels: int, device: str) -> None:
    """Let a network of torchvision take images of so many channels: its first convolution's."""
    name, first = next(
        (name, part) for name, part in body.named_modules() if isinstance(part, torch.nn.Conv2d)
    )
    with WithoutMemory() if device == "meta" else torch.device(device):
        other = torch.nn.Conv2d(
            channels,
            first.out_channels,
            kernel_size=first.kernel_size,  # type: ignore[arg-type]
            stride=first.stride,  # type: ignore[arg-type]
            padding=first.padding,  # type: ignore[arg-type]
            bias=first.bias is not None,
        )
    body.set_submodule(name, other)


def _head(body: torch.nn.Module) -> tuple[str, torch.nn.Linear | torch.nn.Conv2d]:
    return [
        (name, module)
        for name, module in body.named_modules()
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)
    ][-1]


def parameters_of(body: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return what a weights file must hold: every tensor but the batch counters of training.

    Parameters
    ----------
    body
        As of `build`.

    Returns
    -------
    dict
        By the tensors' dotted names; batch norm's running statistics are among them.
    """
    return {
        name: tensor
        for name, tensor in body.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


@dataclass(frozen=True)
class Weights:
    """What a prepared weights file says about itself.

    Attributes
    ----------
    backbone, source, preprocessing
        As of `weights.Prepared`.
    digest
        SHA-256 of all that features depend on, see `weights.Prepared.digest`.
    """

    backbone: str
    source: str
    digest: str
    preprocessing: Preprocessing


def describe(path: str | os.PathLike[str]) -> Weights:
    """Return a prepared weights file's description without reading its tensors.

    Parameters
    ----------
    path
        What `weights.write` wrote.

    Returns
    -------
    Weights
        As its metadata have it.

    Raises
    ------
    StudyError
        When the file is damaged, or no prepared one.
    """
    with named_when_damaged(path, SafetensorError), safe_open(path, framework="pt") as file:
        return _description(file.metadata() or {}, path)


def _description(metadata: dict[str, str], path: str | os.PathLike[str]) -> Weights:
    try:
        return Weights(
            backbone=metadata["backbone"],
            source=metadata["source"],
            digest=metadata["digest"],
            preprocessing=Preprocessing.from_json(metadata["preprocessing"]),
        )
    except KeyError as error:
        raise StudyError(
            f"{Path(path).name}: not a prepared weights file (its metadata lack {error}); "
            "give the file as features.<name>.weights, and the workflow prepares it"
        ) from None


def load(
    name: str,
    weights_path: str | os.PathLike[str],
    *,
    device: str | torch.device = "cpu",
    layers: Sequence[str] = (PENULTIMATE,),
    tokens: str | None = None,
) -> Network:
    """Return a network ready for `extract`: headless, in evaluation mode, channels last.

    Nothing is initialized only to be overwritten: torchvision's modules are made on the meta device
    and given the file's tensors, which are mapped into memory and not copied.

    Parameters
    ----------
    name
        What it is known by, see `microcalc.config.backbones.architecture`.
    weights_path
        What `weights.write` wrote.
    device
        Where the network shall compute.
    layers
        The layers whose pooled features are laid side by side.
    tokens
        How tokens are pooled, see `microcalc.features.tokens`.

    Returns
    -------
    Network
        Its parameters need no gradient.

    Raises
    ------
    StudyError
        When the backbone has no such layer, or the file was prepared for another backbone or
        holds other tensors than it needs.

    Examples
    --------
    >>> import tempfile
    >>> from microcalc.features import backbone, weights
    >>> from microcalc.features.preprocessing import IMAGENET
    >>> body, width = backbone.build("squeezenet1_1", device="cpu")
    >>> tensors = backbone.parameters_of(body)
    >>> prepared = weights.Prepared("squeezenet1_1", "untrained", IMAGENET, tensors)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     weights.write(prepared, f"{folder}/weights.safetensors")
    ...     network = backbone.load("squeezenet1_1", f"{folder}/weights.safetensors")
    >>> width, network.layers, network.training
    (512, ('penultimate',), False)
    """
    network = load_any(name, weights_path, device=device, layers=layers, tokens=tokens)
    if isinstance(network, OnnxNetwork):
        raise StudyError(
            f"features.<name>.source: {Path(weights_path).name} holds an ONNX file, which is "
            "computed as it is; it has no layers to train, adapt or map"
        )
    return network


def load_any(
    name: str,
    weights_path: str | os.PathLike[str],
    *,
    device: str | torch.device = "cpu",
    layers: Sequence[str] = (PENULTIMATE,),
    tokens: str | None = None,
) -> Network | OnnxNetwork:
    """Return a network ready for `extract`, be it torch's or that of an ONNX file.

    Parameters
    ----------
    name, weights_path, device, layers, tokens
        As of `load`.

    Returns
    -------
    Network or OnnxNetwork
        Its parameters need no gradient.

    Raises
    ------
    StudyError
        As `load`.
    """
    with safe_open(weights_path, framework="pt") as file:
        described = _description(file.metadata() or {}, weights_path)
        if described.backbone != name:
            raise StudyError(
                f"{Path(weights_path).name}: prepared for {described.backbone}, but "
                f"features.<name>.backbone is {name}; let the workflow prepare the weights again"
            )
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (no mapping)
    how = described.preprocessing
    network = of_tensors(
        name, tensors, how, layers=layers, tokens=tokens, path=Path(weights_path).name
    )
    if isinstance(network, OnnxNetwork):
        return network
    return network.to(device=device).to(memory_format=torch.channels_last)


def of_tensors(
    name: str,
    tensors: Mapping[str, torch.Tensor],
    preprocessing: Preprocessing,
    *,
    layers: Sequence[str] = (PENULTIMATE,),
    tokens: str | None = None,
    path: str = "these weights",
) -> Network | OnnxNetwork:
    """Return a network with these tensors, headless and in evaluation mode.

    Parameters
    ----------
    name, layers, tokens
        As of `load`.
    tensors
        Those of `parameters_of`, by name.
    preprocessing
        What its input is normalized with.
    path
        What to call the tensors' file in an error.

    Returns
    -------
    Network or OnnxNetwork
        On the processor; its parameters need no gradient.

    Raises
    ------
    StudyError
        As `load`.
    """
    if parts(name)[0] == ONNX:
        return OnnxNetwork(tensors[TENSOR].numpy().tobytes(), preprocessing, layers, tokens)
    body, _ = build(name, size=preprocessing.size, channels=preprocessing.channels)
    wanted = parameters_of(body)
    _check_names(name, wanted, tensors, path)
    body.load_state_dict({key: tensors[key] for key in wanted}, strict=False, assign=True)
    for module in body.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.num_batches_tracked = None
    network = Network(body, preprocessing, layers, tokens)
    return network.eval().requires_grad_(False)


def _check_names(name: str, wanted: Iterable[str], present: Iterable[str], path: str) -> None:
    different = sorted(set(wanted) ^ set(present))
    if different:
        raise StudyError.listing(
            f"{path}: these tensors are missing or too many for the network of this "
            f"{library_of(name)}; let the workflow prepare the weights again",
            different,
            most=10,
        )


def libraries(name: str) -> dict[str, str]:
    """Return what computes a network beside torch, and which version of it.

    Parameters
    ----------
    name
        What it is known by.

    Returns
    -------
    dict
        Version by distribution: torchvision, and what its source adds to it.
    """
    added = {TIMM: "timm", ONNX: "onnxruntime"}
    own = [library for source, library in added.items() if source == parts(name)[0]]
    return {library: version(library) for library in ("torchvision", *own)}


def library_of(name: str) -> str:
    """Return library and version that a network's code comes from, for people."""
    library, found = list(libraries(name).items())[-1]
    return f"{library} ({found})"
