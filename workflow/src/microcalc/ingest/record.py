"""What an adapter says of its collection: cases, images, and what became of every row."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in stored pixels: 0-based, half-open, x = column, y = row."""


class Place(NamedTuple):
    """Where something stands in a collection: a file, and a row, mark or lesion of it.

    Attributes
    ----------
    source
        The file's path relative to the collection's folder.
    row
        Such as "line 12"; empty for a whole file.
    """

    source: str
    row: str = ""


@dataclass(frozen=True)
class Case:
    """One lesion, as a row of the case table.

    Attributes
    ----------
    case_id, patient_id, center
        See `workflow/schemas/cases.yaml`.
    label
        One of the collection's two labels; empty where the collection knows none.
    split
        The collection's own split, in the study's words; empty without one.
    clinical
        Values by name of `vocabulary.VARIABLES`; empty where missing.
    """

    case_id: str
    patient_id: str
    center: str
    label: str = ""
    split: str = ""
    clinical: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Image:
    """One view of a case, as a row of the images table.

    Attributes
    ----------
    image_id
        Its pseudonym.
    path
        Relative to the collection's folder.
    view, laterality
        CC or MLO; L or R; empty where nothing says so.
    box
        The region, or None where `roi_path` or the user gives it.
    roi_path
        A mask's file, relative to the collection's folder.
    has_spacing
        Whether the file itself says how far apart its pixels are.
    spacing_mm
        What the collection's documentation says of it instead; empty where it says nothing.
    patient_from
        What was taken for a patient's name where nothing names one; empty where something does.
    """

    image_id: str
    path: str
    view: str
    laterality: str
    box: Box | None = None
    roi_path: str = ""
    has_spacing: bool = True
    spacing_mm: str = ""
    patient_from: str = ""


@dataclass(frozen=True)
class Record:
    """What became of one place: taken as a case (and an image of it), or left out for a reason.

    Attributes
    ----------
    place
        Where it stands.
    case, image
        What it was taken as; None where it was left, or is no image.
    reason
        Why it was left; empty where it was taken.
    """

    place: Place
    case: Case | None = None
    image: Image | None = None
    reason: str = ""


class NotTakenError(Exception):
    """A row is left out; the text is the reason, the same words for all rows of that fate."""


def pseudonym(*parts: str) -> str:
    """Return an identifier that the tables' schemas allow, at most 64 characters long.

    Parameters
    ----------
    parts
        Joined by `_`; whatever a name cannot hold becomes a dash.

    Examples
    --------
    >>> from microcalc.ingest import record
    >>> record.pseudonym("D1 / 0042", "L")
    'D1-0042_L'
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "_".join(parts)).strip("._-")[:64]
