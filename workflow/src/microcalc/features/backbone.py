"""Networks without their heads: torchvision's, timm's, and those of ONNX files."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch.overrides import TorchFunctionMode

from microcalc.config.backbones import ONNX, TIMM, VISION_TRANSFORMERS, parts
from microcalc.core.errors import StudyError
from microcalc.core.files import named_when_damaged
from microcalc.features import timm_models, tokens
from microcalc.features.onnx_network import TENSOR, OnnxNetwork
from microcalc.features.preprocessing import Preprocessing
from microcalc.features.tokens import MEAN, PENULTIMATE
from microcalc.features.vision import torchvision


class Network(torch.nn.Module):
    """A backbone that maps normalized images (n, C, S, S) to pooled features (n, d).

    Attributes
    ----------
    body
        Torchvision's or timm's module without its head.
    preprocessing
        What its input is normalized with.
    layers
        The layers whose features are laid side by side: `PENULTIMATE`, or names of modules of
        the body, whose output is averaged over the positions.
    tokens
        How tokens are pooled, see `microcalc.features.tokens`; None where there are none, for what
        torchvision's head takes, and for all tokens of a layer of torchvision's.
    """

    def __init__(
        self,
        body: torch.nn.Module,
        preprocessing: Preprocessing,
        layers: Sequence[str] = (PENULTIMATE,),
        tokens: str | None = None,
    ) -> None:
        super().__init__()
        self.body = body
        self.preprocessing = preprocessing
        self.layers = tuple(layers)
        self.tokens = tokens
        self._is_timms = hasattr(body, "forward_features")
        self._pooled: dict[str, torch.Tensor] = {}
        for name in self.layers:
            if name != PENULTIMATE:
                self._module(name).register_forward_hook(self._hook(name))

    def _module(self, name: str) -> torch.nn.Module:
        try:
            return self.body.get_submodule(name)
        except AttributeError:
            stages = [child for child, module in self.body.named_children() if _has_weights(module)]
            raise StudyError(
                f"layers names {name!r}, which this backbone does not have; it has "
                f"{', '.join(stages)} and what is inside them, and {PENULTIMATE}"
            ) from None

    def _hook(self, name: str) -> Callable[..., None]:
        # Torchvision's Swin networks keep channels last and say so by a `permute` at the end.
        is_last = hasattr(self.body, "permute") or _says_channels_last(self.body)

        def keep(module: torch.nn.Module, _inputs: object, output: Any) -> None:
            if not isinstance(output, torch.Tensor) or output.ndim not in (2, 3, 4):
                raise StudyError(
                    f"layers names {name!r}, which gives no features, maps or tokens; name a part "
                    "beside or inside it"
                )
            if output.ndim == 4:
                of_images = isinstance(module, torch.nn.Conv2d | torch.nn.BatchNorm2d)
                axes = (1, 2) if is_last and not of_images else (2, 3)
                self._pooled[name] = output.mean(dim=axes)
            elif output.ndim == 3:
                self._pooled[name] = self._of_tokens(output)
            else:
                self._pooled[name] = output

        return keep

    def _of_tokens(self, found: torch.Tensor) -> torch.Tensor:
        if self.tokens is None and not self._is_timms:
            return found.mean(dim=1)
        return tokens.pooled(found, self.tokens, n_prefix=tokens.n_prefix(self.body))

    def _penultimate(self, images: torch.Tensor) -> torch.Tensor:
        if not self._is_timms:
            return self._of_torchvision(images)
        body: Any = self.body
        found = body.forward_features(images)
        if isinstance(found, torch.Tensor) and found.ndim == 3:
            pooled = self._of_tokens(found)
            norm = getattr(body, "fc_norm", None)
            features: torch.Tensor = pooled if norm is None else norm(pooled)
            return features
        if self.tokens is not None:
            raise StudyError(
                f"features.<name>.tokens: is {self.tokens}, but this network gives maps and no "
                "tokens; take it out"
            )
        result: torch.Tensor = body.forward_head(found)
        return result

    def _of_torchvision(self, images: torch.Tensor) -> torch.Tensor:
        if self.tokens != MEAN:
            features: torch.Tensor = self.body(images)
            return features
        kept: list[torch.Tensor] = []
        hook = self.body.get_submodule("encoder").register_forward_hook(
            lambda _module, _inputs, output: kept.append(output)
        )
        try:
            self.body(images)
        finally:
            hook.remove()
        return self._of_tokens(kept[0])

    @property
    def device(self) -> torch.device:
        """The device the parameters live on."""
        return next(self.parameters()).device

    @property
    def takes(self) -> int | None:
        """Side in pixels of the images it takes; None where it takes any."""
        found: int | None = getattr(self.body, "image_size", None)
        return found

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the pooled features.

        Parameters
        ----------
        images
            Normalized, shape (n, C, S, S).

        Returns
        -------
        torch.Tensor
            Shape (n, d).

        Raises
        ------
        StudyError
            When tokens are pooled by no rule, or by one that does not suit the network.
        """
        self._pooled[PENULTIMATE] = self._penultimate(images)
        features = [self._pooled[name] for name in self.layers]
        self._pooled.clear()
        return features[0] if len(features) == 1 else torch.cat(features, dim=1)

    def check_size(self, size: int) -> None:
        """Refuse patches of a size that the network does not take.

        Parameters
        ----------
        size
            Side of the patches in pixels.

        Raises
        ------
        StudyError
            When the network takes images of one size only, and not this one.
        """
        entering = self.preprocessing.size or size
        expected = self.takes or entering
        if expected != entering:
            raise StudyError(
                f"this backbone takes images of {expected} x {expected} pixels, the patches have "
                f"{entering} x {entering}; set images.patch_mm and images.spacing_mm so that "
                f"patch_mm / spacing_mm = {expected}, or have patches resampled "
                f"(features.<name>.preprocessing.size: {expected}), or choose another "
                "features.<name>.backbone"
            )


def _says_channels_last(body: torch.nn.Module) -> bool:
    """Return whether a network of timm says that its maps have their channels last."""
    return str(getattr(body, "output_fmt", "")) == "NHWC"


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
    is allocated and nothing initialized; timm's are made on the processor, whatever is asked for,
    since they compute buffers there that no file has.

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
        with nullcontext() if device != "meta" else _WithoutValues():
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
    with _WithoutMemory() if device == "meta" else torch.device(device):
        body: torch.nn.Module = torchvision.models.get_model(name, weights=None, **options)
    return body


class _WithoutMemory(TorchFunctionMode):
    """Puts what modules allocate on the meta device, and leaves it alone there.

    The context ``torch.device("meta")`` would put the arithmetic there too by which RegNets find
    their widths; and to draw numbers for tensors without memory torch imports its compiler.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        if func in (torch.empty, torch.zeros, torch.ones) and named.get("device") is None:
            named["device"] = "meta"
        initializes = getattr(func, "__module__", "") == "torch.nn.init"
        if initializes or func in (torch.Tensor.normal_, torch.Tensor.uniform_):
            tensor = named["tensor"] if "tensor" in named else args[0]
            if tensor.is_meta:
                return tensor
        return func(*args, **named)


class _WithoutValues(TorchFunctionMode):
    """Leaves parameters as they were allocated: a file's tensors take their place.

    Initializing those of a large vision transformer takes seconds.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        initializes = getattr(func, "__module__", "") == "torch.nn.init"
        draws = func in (torch.Tensor.normal_, torch.Tensor.uniform_, torch.Tensor.erfinv_)
        if initializes or draws:
            return named["tensor"] if "tensor" in named else args[0]
        return func(*args, **named)


def _take_channels(body: torch.nn.Module, channels: int, device: str) -> None:
    """Let a network of torchvision take images of so many channels: its first convolution's."""
    name, first = next(
        (name, part) for name, part in body.named_modules() if isinstance(part, torch.nn.Conv2d)
    )
    with _WithoutMemory() if device == "meta" else torch.device(device):
        other = torch.nn.Conv2d(
            channels,
            first.out_channels,
            kernel_size=first.kernel_size,  # type: ignore[arg-type]
            stride=first.stride,  # type: ignore[arg-type]
            padding=first.padding,  # type: ignore[arg-type]
            bias=first.bias is not None,
        )
    body.set_submodule(name, other)


def _has_weights(module: torch.nn.Module) -> bool:
    return next(module.parameters(), None) is not None


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
    """What a prepared weights file says about itself."""

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
