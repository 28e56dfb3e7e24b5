"""X-ray attenuation of a phantom, as an image."""

from dataclasses import dataclass

import numpy as np

from microcalc.core.seeds import stream
from microcalc.simulate import anatomy, lesion
from microcalc.simulate.phantom import Phantom

FAT = 0.050
GLAND = 0.030
"""Linear attenuation of fat, and gland's excess over it, 1/mm, near 20 keV (Johns and Yaffe 1987).
"""


@dataclass(frozen=True)
class Attenuation:
    """What the beam meets, as float32 images of one shape, chest wall on the left.

    `line_integral` is ln(N0 / N) without noise; `fat_deficit` is the part of a fully compressed
    fatty breast that is missing at each pixel (near the skin), which presentation processing
    puts back; `inside` is the share of each pixel that lies within the breast; `calcifications`
    are those that `line_integral` holds.
    """

    line_integral: np.ndarray
    fat_deficit: np.ndarray
    inside: np.ndarray
    calcifications: tuple[lesion.Calcification, ...]


def render(phantom: Phantom, *, spacing_mm: float, blur_mm: float, seed: int) -> Attenuation:
    """Return the noiseless attenuation of a phantom on a detector of `spacing_mm` pixels.

    Parameters
    ----------
    phantom
        Latent truth.
    spacing_mm
        Size of a square pixel.
    blur_mm
        Standard deviation of the detector's Gaussian point spread.
    seed
        The study's seed; each image has its own stream.
    """
    shape = (
        round(phantom.field_height_mm / spacing_mm),
        round(phantom.field_width_mm / spacing_mm),
    )
    rng = stream(seed, "phantom", phantom.image_id)
    body = anatomy.build(phantom, shape, spacing_mm, rng)
    field = anatomy.power_law(shape, spacing_mm, phantom.texture_beta, blur_mm, rng)
    if phantom.distortion > 0:
        lesion.pull(field, phantom, spacing_mm)
    field *= np.float32(phantom.texture_contrast)
    field += body.tendency
    gland = _logistic(field)
    gland += body.strands
    gland += body.muscle * (np.float32(0.62) - np.float32(0.7) * gland)
    lesion.add_tissue(gland, phantom, spacing_mm, rng)
    line = body.thickness * (np.float32(FAT) + np.float32(GLAND) * gland)
    line += body.skin
    found = lesion.calcifications(phantom, shape[0] * spacing_mm, seed=seed, rng=rng)
    lesion.add_calcifications(line, found, spacing_mm, blur_mm)
    deficit = np.float32(FAT) * (np.float32(phantom.thickness_mm) - body.thickness)
    return Attenuation(line * body.inside, deficit * body.inside, body.inside, found)


def _logistic(field: np.ndarray) -> np.ndarray:
    np.negative(field, out=field)
    np.exp(field, out=field)
    field += np.float32(1)
    np.reciprocal(field, out=field)
    return field
