"""One phantom: its latent truth as a typed row, and its X-ray attenuation as an image."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from microcalc.core.errors import StudyError


@dataclass(frozen=True)
class Phantom:
    """One row of phantoms.csv: all that the pixels of one view depend on, besides the seed.

    Positions are those of a left breast (chest wall at x = 0), in mm from the field's top
    left corner; a right breast is the mirror image. Sizes end in `_mm`; `glandularity`, `stroma`,
    `spiculation`, `distortion` and the contrasts are shares, and `texture_beta` is the exponent of
    the texture's power spectrum. There is no label here.
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
