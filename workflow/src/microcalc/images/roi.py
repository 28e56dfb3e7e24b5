"""The region of interest, in the pixel matrix as it is stored."""

from collections.abc import Mapping
from dataclasses import dataclass

from microcalc.errors import StudyError


@dataclass(frozen=True)
class Roi:
    """A box in stored pixels: 0-based, half-open, x = column, y = row."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def center(self) -> tuple[float, float]:
        """(x, y) of the middle, in pixels from the image's upper left corner."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> "Roi":
        """Return the box in columns x0, y0, x1 and y1 of an images table's row.

        Raises
        ------
        StudyError
            When one of them is no number, or the box is empty.
        """
        image_id = row.get("image_id", "?")
        try:
            roi = cls(*(float(row[name]) for name in ("x0", "y0", "x1", "y1")))
        except (KeyError, ValueError):
            raise StudyError(
                f"image {image_id}: its ROI needs numbers in columns x0, y0, x1, y1"
            ) from None
        # Written so that NaN fails too.
        if not (roi.x0 < roi.x1 and roi.y0 < roi.y1):
            raise StudyError(
                f"image {image_id}: its ROI is empty: x0 {roi.x0:g}, x1 {roi.x1:g}, "
                f"y0 {roi.y0:g}, y1 {roi.y1:g}; expected x0 < x1 and y0 < y1"
            )
        return roi


def check_inside(roi: Roi, shape: tuple[int, int], *, image_id: str) -> list[str]:
    """Return flags about how `roi` lies in an image of `shape` (rows, columns).

    Raises
    ------
    StudyError
        When its middle is not in the image; the message says so when x and y look swapped.
    """
    rows, columns = shape
    x, y = roi.center
    if not (0 <= x <= columns and 0 <= y <= rows):
        hint = ""
        if 0 <= y <= columns and 0 <= x <= rows:
            hint = "; with x and y swapped it would lie inside"
        raise StudyError(
            f"image {image_id}: its ROI ({roi.x0:g}, {roi.y0:g}, {roi.x1:g}, {roi.y1:g}) lies "
            f"outside the image of {columns} columns and {rows} rows{hint}"
        )
    # One pixel beyond the edge is a matter of counting, not of place.
    if roi.x0 < -1 or roi.y0 < -1 or roi.x1 > columns + 1 or roi.y1 > rows + 1:
        return ["roi_partly_outside_image"]
    return []
