"""Image entry: what the images table says of one image, apart from its region."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from microcalc.config import views
from microcalc.core.errors import StudyError

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class ImageEntry:
    """An image's entry in the images table, for whatever decodes its file.

    Attributes
    ----------
    image_id
        The image's name in every message.
    spacing_mm
        Pixel spacing in mm, taken before the file's; None where the table gives none.
    laterality
        "L", "R" or "": used when the file gives none, compared when it does.
    view
        Canonical view (`microcalc.config.views`), taken before the file's; "" where the table
        gives none.
    frame
        Which frame, page or slice of a file of several, counting from 1 as DICOM does.
    pseudonyms
        Identifiers that this study uses for the case and the patient: a flag is raised when one
        of them equals the file's PatientID.

    Examples
    --------
    >>> entry = ImageEntry.from_row({"image_id": "p1-rcc", "view": "cranio-caudal", "frame": "2"})
    >>> entry.view, entry.frame, entry.spacing_mm
    ('CC', 2, None)
    """

    image_id: str
    spacing_mm: float | None = None
    laterality: str = ""
    view: str = ""
    frame: int | None = None
    pseudonyms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Write side and view in their canonical form, whoever gives them."""
        object.__setattr__(self, "laterality", self.laterality.strip().upper())
        object.__setattr__(self, "view", views.canonical(self.view))

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> "ImageEntry":
        """Return the entry in a row of the images table.

        Parameters
        ----------
        row
            Cells as text, `image_id` at least; absent and empty ones say nothing.

        Returns
        -------
        ImageEntry
            Side and view in their canonical form.

        Raises
        ------
        StudyError
            When spacing_mm is no number, or frame no whole number.
        """
        return cls(
            image_id=row["image_id"],
            spacing_mm=_number(row, "spacing_mm", float),
            laterality=row.get("laterality", ""),
            view=row.get("view", ""),
            frame=_number(row, "frame", int),
            pseudonyms=(row.get("case_id", ""), row.get("patient_id", "")),
        )


def _number(row: Mapping[str, str], column: str, kind: type[Number]) -> Number | None:
    text = row.get(column, "")
    if not text:
        return None
    try:
        number = float(text)
        if kind is int and not number.is_integer():
            raise ValueError(text)
        return kind(number)
    except (ValueError, OverflowError):
        expected = "whole number" if kind is int else "number"
        raise StudyError(
            f"image {row['image_id']}: {column} is no {expected}", detail=repr(text)
        ) from None
