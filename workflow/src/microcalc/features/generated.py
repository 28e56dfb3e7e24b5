"""Random network weights from a seed, for trials without a download.

Plain initialization is useless at this depth: activations grow to 1e4 and the features carry no
signal. Two things mend it: residual branches that start at zero, and batch-norm statistics
estimated on pictures. The pictures are generated too, so no case of a study reaches the weights.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from microcalc.core import seeds
from microcalc.features import backbone
from microcalc.features.device import one_thread
from microcalc.features.preprocessing import Preprocessing

N_PATCHES = 64
PATCH_PX = 224


def tensors(name: str, *, seed: int, preprocessing: Preprocessing) -> dict[str, torch.Tensor]:
    """Return a backbone with weights drawn from `seed`: a pure function of these arguments.

    Torchvision's or timm's own initialization, with ``zero_init_residual`` where the network knows
    it; then every batch-norm layer's mean and variance are set to what it meets on
    `N_PATCHES` generated patches. The result does not depend on the number of threads.

    Parameters
    ----------
    name
        What the network is known by, see `microcalc.config.backbones.architecture`.
    seed
        The study's.
    preprocessing
        The constants that patches are normalized with.

    Returns
    -------
    dict
        What `backbone.parameters_of` gives, by name.
    """
    with one_thread(), torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seeds.derive(seed, "features", "weights", name))
        body = _build(name, preprocessing)
        size = getattr(body, "image_size", PATCH_PX)
        _estimate_statistics(
            body, _normalized(patches(seed, n=N_PATCHES, size=size), preprocessing)
        )
        return {
            key: tensor.detach().clone().contiguous()
            for key, tensor in backbone.parameters_of(body).items()
        }


def patches(seed: int, *, n: int, size: int) -> npt.NDArray[np.float32]:
    """Return pictures of breast-like texture with bright spots.

    Power-law noise with a power spectrum of 1/f^3, as mammograms have, and none to thirty Gaussian
    spots of half to three pixels' standard deviation, as calcifications would appear at 0.1 mm.

    Parameters
    ----------
    seed
        The study's.
    n, size
        How many, and their side in pixels.

    Returns
    -------
    numpy.ndarray
        Float32 in [0, 1], shape (n, S, S).

    References
    ----------
    Burgess, Jacobson and Judy, Medical Physics 2001;28:419-437.
    """
    random = seeds.stream(seed, "features", "weights", "patches")
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    frequency[0, 0] = np.inf
    amplitude = frequency**-1.5
    rows, columns = np.mgrid[:size, :size]
    result = np.empty((n, size, size), dtype=np.float32)
    for i in range(n):
        texture = np.fft.irfft2(
            amplitude * np.fft.rfft2(random.standard_normal((size, size))), s=(size, size)
        )
        texture /= texture.std()
        picture = random.uniform(0.3, 0.6) + random.uniform(0.05, 0.15) * texture
        for _ in range(random.integers(0, 31)):
            row, column = random.uniform(0.2 * size, 0.8 * size, size=2)
            squared = (rows - row) ** 2 + (columns - column) ** 2
            width = random.uniform(0.5, 3.0)
            picture += random.uniform(0.1, 0.5) * np.exp(-squared / (2 * width**2))
        result[i] = np.clip(picture, 0, 1)
    return result


def _build(name: str, preprocessing: Preprocessing) -> torch.nn.Module:
    images: dict[str, Any] = {"size": preprocessing.size, "channels": preprocessing.channels}
    try:
        return backbone.build(name, device="cpu", zero_init_residual=True, **images)[0]
    except TypeError:  # not a residual network of that kind
        return backbone.build(name, device="cpu", **images)[0]


def _normalized(gray: npt.NDArray[np.float32], preprocessing: Preprocessing) -> torch.Tensor:
    return preprocessing.normalized(torch.from_numpy(gray).unsqueeze(1))


def _estimate_statistics(body: torch.nn.Module, images: torch.Tensor) -> None:
    """Set each batch-norm layer's mean and variance to those of its input on all `images`.

    One forward pass does it, since in training mode a layer passes on what it normalized with
    these very statistics.
    """
    body.eval()
    layers = [m for m in body.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    for layer in layers:
        layer.train()
        layer.momentum = None  # the average of all batches, of which there is one
    if layers:
        body(images)
