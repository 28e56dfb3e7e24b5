"""One phantom: its latent truth as a typed row, and its X-ray attenuation as an image."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from microcalc.core.errors import StudyError
from microcalc.core.seeds import stream
from microcalc.simulate import anatomy, lesion

FAT = 0.050
GLAND = 0.030
"""Linear attenuation of fat, and gland's excess over it, 1/mm, near 20 keV (Johns and Yaffe 1987).
"""


@dataclass(frozen=True)
class Phantom:
    """One row of phantoms.csv: all that the pixels of one view depend on, besides the seed.

    Positions are those of a left breast (chest wall at x = 0), in mm from the field's top
    left corner; a right breast is the mirror image. There is no label here.
    """

    image_id: str
    case_id: str
    patient_id: str
    center: str
    path: str
    view: str
    laterality: str
    field_height_mm: float
    field_width_mm: float
    breast_width_mm: float
    thickness_mm: float
    glandularity: float
    texture_beta: float
    texture_contrast: float
    pectoral_width_mm: float
    pectoral_height_mm: float
    lesion_x_mm: float
    lesion_y_mm: float
    morphology: str
    distribution: str
    extent_mm: float
    n_calcifications: int
    calcification_mm: float
    n_scattered: int
    mass_mm: float
    mass_contrast: float
    spiculation: float
    distortion: float
    stroma: float
    stroma_mm: float

    @classmethod
    def from_row(cls, row: Mapping[str, object]) -> "Phantom":
        """Return the phantom of a row of phantoms.csv, whose cells may be text.

        Raises
        ------
        StudyError
            When a column is missing or a cell is not a number; the image is named.
        """
        values: dict[str, object] = {}
        for field in fields(cls):
            text = row.get(field.name)
            try:
                if text is None:
                    raise ValueError("no such column")
                kind = {"float": float, "int": int, "str": str}[getattr(field.type, "__name__", "")]
                values[field.name] = kind(str(text))
            except ValueError as error:
                raise StudyError(
                    f"phantoms.csv, image {row.get('image_id')!r}, column {field.name!r}: "
                    f"found {text!r}, expected {getattr(field.type, '__name__', '?')} ({error}); "
                    "regenerate the table with `python -m microcalc.simulate`"
                ) from None
        return cls(**values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Attenuation:
    """What the beam meets, as float32 images of one shape, chest wall on the left.

    `line_integral` is ln(N0 / N) without noise; `fat_deficit` is the part of a fully compressed
    fatty breast that is missing at each pixel (near the skin), which presentation processing
    puts back; `inside` is the share of each pixel that lies within the breast.
    """

    line_integral: np.ndarray
    fat_deficit: np.ndarray
    inside: np.ndarray


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
    lesion.add_calcifications(line, phantom, spacing_mm, blur_mm, seed, rng)
    deficit = np.float32(FAT) * (np.float32(phantom.thickness_mm) - body.thickness)
    return Attenuation(line * body.inside, deficit * body.inside, body.inside)


def _logistic(field: np.ndarray) -> np.ndarray:
    np.negative(field, out=field)
    np.exp(field, out=field)
    field += np.float32(1)
    np.reciprocal(field, out=field)
    return field
