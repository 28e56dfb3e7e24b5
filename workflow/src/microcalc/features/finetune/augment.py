"""Data augmentation: patches flipped, displaced, a little brighter or paler.

What a mammogram's patch may undergo without becoming another lesion: it has no up or down, its
region could have been drawn a little differently, and exposure and display vary. It has one
channel, so there is no hue to change.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from microcalc.config.finetune_settings import AugmentationSettings


@dataclass(frozen=True)
class Drawn:
    """The changes of n patches.

    Attributes
    ----------
    geometry
        From places in the new patch to places in the old, in units of half its side from its
        middle, shape (n, 2, 3).
    contrast, brightness
        The new intensity is contrast times (old - 0.5), plus 0.5 and brightness, shape (n,).
    """

    geometry: npt.NDArray[np.float32]
    contrast: npt.NDArray[np.float32]
    brightness: npt.NDArray[np.float32]


def draw(n: int, limits: AugmentationSettings, random: np.random.Generator) -> Drawn:
    """Return changes of patches, each within the limits and independent of the others.

    Parameters
    ----------
    n
        How many patches.
    limits
        The config's `augmentation` of a set of kind finetuned.
    random
        Where they are drawn from; it moves on by the same amount whatever the limits, `flip` aside.

    Returns
    -------
    Drawn
        Uniform within the limits; a patch is mirrored at either axis half of the time.
    """
    uniform = random.uniform(-1, 1, size=(n, 6))
    mirrored = random.integers(0, 2, size=(n, 2)) * 2 - 1 if limits.flip else np.ones((n, 2))
    angle = uniform[:, 0] * math.radians(limits.rotate_deg)
    size = 1 + uniform[:, 1] * limits.scale
    cos, sin = size * np.cos(angle), size * np.sin(angle)
    turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    shift = 2 * limits.shift * uniform[:, 2:4]
    geometry = np.concatenate([turn * mirrored[:, None, :], shift[:, :, None]], axis=2)
    return Drawn(
        geometry.astype(np.float32),
        (1 + uniform[:, 4] * limits.intensity).astype(np.float32),
        (uniform[:, 5] * limits.intensity).astype(np.float32),
    )


def apply(patches: torch.Tensor, drawn: Drawn) -> torch.Tensor:
    """Return changed patches.

    Parameters
    ----------
    patches
        Intensities in [0, 1], shape (n, 1, S, S).
    drawn
        One change for each.

    Returns
    -------
    torch.Tensor
        In [0, 1], shape (n, 1, S, S), on the same device; interpolated bilinearly. What lies
        outside a patch is its mirror image.
    """
    geometry, contrast, brightness = (
        torch.from_numpy(values).to(patches.device)
        for values in (drawn.geometry, drawn.contrast, drawn.brightness)
    )
    grid = torch.nn.functional.affine_grid(geometry, list(patches.shape), align_corners=False)
    moved = torch.nn.functional.grid_sample(
        patches, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    column = (-1, 1, 1, 1)
    changed = (moved - 0.5) * contrast.view(column) + 0.5 + brightness.view(column)
    return changed.clamp(0, 1)
