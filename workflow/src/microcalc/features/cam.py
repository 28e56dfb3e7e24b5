"""Class activation maps: where in the patches a linear score of deep features comes from.

Where the features are the plain mean of a feature map (all ResNets, DenseNets, EfficientNets), a
linear score of them is the sum of the same score at each position: the class activation map
(Zhou and others, CVPR 2016:2921) is then exact, and sums up to the score. Other backbones put
something that is not linear between map and features: for them it is Grad-CAM (Selvaraju and
others, ICCV 2017:618), which shows the same thing to first order and adds up to nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from microcalc.core.errors import StudyError
from microcalc.features import forward

if TYPE_CHECKING:
    import torch

    from microcalc.features.pooled_network import Network

EXACT = 1e-4
"""Largest difference between a map's mean and the features, relative to the largest feature."""


@dataclass(frozen=True)
class Cam:
    """The maps of one case.

    Attributes
    ----------
    maps
        Shape (v, h, w), one per view; with method ``exact`` their sum is the score.
    score
        Coefficients times the features' mean over the views.
    method
        ``exact`` or ``grad-cam``.
    """

    maps: npt.NDArray[np.float64]
    score: float
    method: Literal["exact", "grad-cam"]


@dataclass(frozen=True)
class LastMaps:
    """What a network whose features are plain means gives for a case's views.

    Attributes
    ----------
    features
        Float32, shape (v, d).
    maps
        Float32, shape (v, d, h, w): the maps whose means the features are.
    """

    features: npt.NDArray[np.float32]
    maps: npt.NDArray[np.float32]


def last_maps(network: "Network", patches: npt.NDArray[np.float32]) -> LastMaps | None:
    """Return the features of a case's views and the maps that they are the means of.

    Parameters
    ----------
    network
        What `backbone.load` returned, with the penultimate layer alone.
    patches
        The case's views, float32 in [0, 1], shape (v, S, S).

    Returns
    -------
    LastMaps or None
        None where they are the means of no layer's maps.

    Raises
    ------
    StudyError
        When no layer of the network has positions, so that there is nothing to map.
    """
    import torch

    features, _, found = _with_last_map(network, _batch(network, patches))
    tolerance = EXACT * float(features.abs().max())
    # DenseNets rectify the last map outside any module.
    for maps in (found, found.clamp(min=0)):
        if maps.shape[1] == features.shape[1] and torch.allclose(
            maps.double().mean(dim=(2, 3)), features.double(), rtol=0, atol=tolerance
        ):
            return LastMaps(*(values.float().cpu().numpy() for values in (features, maps)))
    return None


def exact(last: LastMaps, coefficients: npt.NDArray[np.float64]) -> Cam:
    """Return the class activation maps of a score whose features are the means of `last.maps`.

    Parameters
    ----------
    last
        Of a case's views.
    coefficients
        The score's, per feature as the network gives it, shape (d,); a case's features are the mean
        of its views'.

    Returns
    -------
    Cam
        Its maps sum up to its score.

    References
    ----------
    Zhou and others, CVPR 2016:2921.
    """
    n_views, _, height, width = last.maps.shape
    maps = np.einsum("vchw,c->vhw", last.maps.astype(np.float64), coefficients)
    score = np.einsum("vc,c->v", last.features.astype(np.float64), coefficients)
    return Cam(maps / (height * width * n_views), float(score.mean()), "exact")


def grad_cam(
    network: "Network",
    patches: npt.NDArray[np.float32],
    coefficients: npt.NDArray[np.float64],
) -> Cam:
    """Return the Grad-CAM of a score: to first order where it comes from.

    Parameters
    ----------
    network, patches
        As of `last_maps`.
    coefficients
        As of `exact`.

    Returns
    -------
    Cam
        Its maps add up to nothing in particular.

    Raises
    ------
    StudyError
        When no layer of the network has positions, so that there is nothing to map.

    References
    ----------
    Selvaraju and others, ICCV 2017:618.
    """
    import torch
    from captum.attr import LayerGradCam  # type: ignore[import-untyped]

    images = _batch(network, patches)
    features, name, _ = _with_last_map(network, images)
    weights = torch.from_numpy(np.ascontiguousarray(coefficients)).to(network.device)

    def score(batch: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = network(batch)
        return features.double() @ weights

    layer = network.body.get_submodule(name)
    with torch.enable_grad():
        found = LayerGradCam(score, layer).attribute(images.clone().requires_grad_())
    maps: npt.NDArray[np.float64] = found[:, 0].detach().double().cpu().numpy()
    return Cam(maps, float((features.double() @ weights).mean()), "grad-cam")


def _batch(network: "Network", patches: npt.NDArray[np.float32]) -> "torch.Tensor":
    network.check_size(patches.shape[1])
    with forward._Feeder(network, patches, np.arange(len(patches)), ahead=False) as feeder:
        return feeder.batch(0, len(patches))


def _with_last_map(
    network: "Network", images: "torch.Tensor"
) -> "tuple[torch.Tensor, str, torch.Tensor]":
    """Return the features, and name and output of the last module that gives a map of positions.

    All of one forward pass.
    """
    import torch

    last: list[tuple[str, torch.Tensor]] = []

    def keep(name: str) -> Callable[[torch.nn.Module, Any, Any], None]:
        def hook(_module: torch.nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor) and output.ndim == 4 and output.shape[-1] > 1:
                last[:] = [(name, output)]

        return hook

    # The body itself and containers of everything give no map of their own.
    hooks = [
        module.register_forward_hook(keep(name))
        for name, module in network.body.named_modules()
        if name
    ]
    try:
        with torch.inference_mode():
            features = network(images)
    finally:
        for hook in hooks:
            hook.remove()
    if not last:
        raise StudyError("no layer of this backbone has positions, so there is nothing to map")
    name, found = last[0]
    return features, name, found
