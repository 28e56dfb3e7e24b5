"""Torchvision's classification networks without their heads."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch.overrides import TorchFunctionMode

from microcalc.core.errors import StudyError
from microcalc.core.files import named_when_damaged
from microcalc.features.preprocessing import Preprocessing
from microcalc.features.vision import torchvision

PENULTIMATE = "penultimate"
"""What goes into the head: the layer's name wherever layers are named."""


class Network(torch.nn.Module):
    """A backbone that maps normalized RGB (n, 3, S, S) to pooled features (n, d).

    Attributes
    ----------
    body
        Torchvision's module, its head replaced by the identity.
    preprocessing
        The constants its input is normalized with.
    layers
        The layers whose features are laid side by side: `PENULTIMATE`, or names of modules of
        the body, whose output is averaged over the positions.
    """

    def __init__(
        self,
        body: torch.nn.Module,
        preprocessing: Preprocessing,
        layers: Sequence[str] = (PENULTIMATE,),
    ) -> None:
        super().__init__()
        self.body = body
        self.preprocessing = preprocessing
        self.layers = tuple(layers)
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
        positions = (1, 2) if hasattr(self.body, "permute") else (2, 3)

        def keep(_module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> None:
            axes: tuple[int, ...] = {2: (), 3: (1,), 4: positions}[output.ndim]
            self._pooled[name] = output.mean(dim=axes) if axes else output

        return keep

    @property
    def device(self) -> torch.device:
        """The device the parameters live on."""
        return next(self.parameters()).device

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the pooled features.

        Parameters
        ----------
        images
            Normalized RGB, shape (n, 3, S, S).

        Returns
        -------
        torch.Tensor
            Shape (n, d).
        """
        self._pooled[PENULTIMATE] = self.body(images)
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
        expected = getattr(self.body, "image_size", size)
        if expected != size:
            raise StudyError(
                f"this backbone takes images of {expected} x {expected} pixels, the patches have "
                f"{size} x {size}; set images.patch_mm and images.spacing_mm so that "
                f"patch_mm / spacing_mm = {expected}, or choose another features.<name>.backbone"
            )


def names() -> list[str]:
    """Return the names of all classification networks that torchvision has.

    Returns
    -------
    list of str
        As `build` takes them, in alphabetical order.
    """
    return list(torchvision.models.list_models(module=torchvision.models))


def build(name: str, *, device: str = "meta", **options: Any) -> tuple[torch.nn.Module, int]:
    """Return a network whose head is the identity, and the number of features it gives.

    The head is the last linear layer or, in networks that classify before they pool,
    convolution; what goes into it is the pooled penultimate layer. On the meta device nothing
    is allocated and nothing initialized.

    Parameters
    ----------
    name
        A torchvision classification model.
    device
        Where its tensors are made.
    **options
        Handed to torchvision's builder.

    Returns
    -------
    body : torch.nn.Module
        From normalized RGB, shape (n, 3, S, S), to features, shape (n, d).
    width : int
        d.

    Raises
    ------
    StudyError
        When torchvision has no model of this name.
    """
    body = _build_whole(name, device, options)
    head_name, head = _head(body)
    body.set_submodule(head_name, torch.nn.Identity())
    return body, head.in_features if isinstance(head, torch.nn.Linear) else head.in_channels


def head_name(name: str) -> str:
    """Return the dotted name of a backbone's head, such as ``fc`` or ``classifier.1``.

    Parameters
    ----------
    name
        A torchvision classification model.

    Returns
    -------
    str
        Of the module that `build` replaces.

    Raises
    ------
    StudyError
        When torchvision has no model of this name.

    Examples
    --------
    >>> from microcalc.features import backbone
    >>> backbone.head_name("resnet101")
    'fc'
    """
    return _head(_build_whole(name, "meta", {}))[0]


def _build_whole(name: str, device: str, options: dict[str, Any]) -> torch.nn.Module:
    if name not in names():
        raise StudyError(
            f"features.<name>.backbone is {name!r}, which torchvision {torchvision.__version__} "
            f"does not have; it has {', '.join(names())}"
        )
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
) -> Network:
    """Return a network ready for `extract`: headless, in evaluation mode, channels last.

    Nothing is initialized only to be overwritten: the modules are made on the meta device and
    given the file's tensors, which are mapped into memory and not copied.

    Parameters
    ----------
    name
        A torchvision classification model.
    weights_path
        What `weights.write` wrote.
    device
        Where the network shall compute.
    layers
        The layers whose pooled features are laid side by side.

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
    body, _ = build(name)
    wanted = parameters_of(body)
    with safe_open(weights_path, framework="pt") as file:
        described = _description(file.metadata() or {}, weights_path)
        if described.backbone != name:
            raise StudyError(
                f"{Path(weights_path).name}: prepared for {described.backbone}, but "
                f"features.<name>.backbone is {name}; let the workflow prepare the weights again"
            )
        _check_names(wanted, file.keys(), weights_path)
        tensors = {key: file.get_tensor(key) for key in wanted}
    body.load_state_dict(tensors, strict=False, assign=True)
    for module in body.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.num_batches_tracked = None
    network = Network(body, described.preprocessing, layers)
    network.eval().requires_grad_(False)
    return network.to(device=device).to(memory_format=torch.channels_last)


def _check_names(
    wanted: Iterable[str], present: Iterable[str], path: str | os.PathLike[str]
) -> None:
    different = sorted(set(wanted) ^ set(present))
    if different:
        raise StudyError.listing(
            f"{Path(path).name}: these tensors are missing or too many for this torchvision "
            f"({torchvision.__version__}); let the workflow prepare the weights again",
            different,
            most=10,
        )
