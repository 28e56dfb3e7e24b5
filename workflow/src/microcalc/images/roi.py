"""The region of interest, in the pixel matrix as it is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from microcalc.core.errors import StudyError


@dataclass(frozen=True)
class Roi:
    """A box in stored pixels: 0-based, half-open, x = column, y = row.

    Attributes
    ----------
    x0, y0, x1, y1
        First column and row, and the first beyond.
    drawn
        Whether a file holds it, in place of the images table's columns.
    specks
        How many specks of that file were left out.
    flags
        What was odd about the file, in snake_case, for the QC table.
    cells
        The pixels that are the region, in a window whose first pixel is `corner` (row, column);
        None where the box is all that is known of it.
    corner
        See `cells`.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    drawn: bool = field(default=False, compare=False, kw_only=True)
    specks: int = field(default=0, compare=False, kw_only=True)
    flags: tuple[str, ...] = field(default=(), compare=False, kw_only=True)
    cells: NDArray[np.bool_] | None = field(default=None, compare=False, repr=False, kw_only=True)
    corner: tuple[int, int] = field(default=(0, 0), compare=False, kw_only=True)

    @property
    def center(self) -> tuple[float, float]:
        """(x, y) of the middle, in pixels from the image's upper left corner."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    @property
    def swapped(self) -> "Roi":
        """The box with x and y exchanged."""
        return Roi(self.y0, self.x0, self.y1, self.x1)

    def reversed_rows(self, rows: int) -> "Roi":
        """Return the box with its rows counted from the other end.

        Parameters
        ----------
        rows
            How many the image has.

        Returns
        -------
        Roi
            With the same flags.
        """
        box = replace(self, y0=rows - self.y1, y1=rows - self.y0)
        if self.cells is None:
            return box
        top = rows - self.corner[0] - self.cells.shape[0]
        return replace(box, cells=self.cells[::-1], corner=(top, self.corner[1]))

    def filled(self, rows: range, columns: range) -> NDArray[np.bool_]:
        """Return which pixels of a window are the region.

        Parameters
        ----------
        rows, columns
            The window's, in stored pixels.

        Returns
        -------
        ndarray
            Bool, shape (len(rows), len(columns)): of a box the pixels whose middle it holds.

        Examples
        --------
        >>> from microcalc.images.roi import Roi
        >>> Roi(1, 0, 3, 1).filled(range(2), range(4)).astype(int).tolist()
        [[0, 1, 1, 0], [0, 0, 0, 0]]
        """
        if self.cells is None:
            y, x = np.asarray(rows) + 0.5, np.asarray(columns) + 0.5
            in_rows, in_columns = (self.y0 <= y) & (y < self.y1), (self.x0 <= x) & (x < self.x1)
            return np.logical_and.outer(in_rows, in_columns)
        window = np.zeros((len(rows), len(columns)), dtype=bool)
        (top, left), (height, width) = self.corner, self.cells.shape
        y0, y1 = max(rows.start, top), min(rows.stop, top + height)
        x0, x1 = max(columns.start, left), min(columns.stop, left + width)
        if y0 < y1 and x0 < x1:
            part = self.cells[y0 - top : y1 - top, x0 - left : x1 - left]
            window[y0 - rows.start : y1 - rows.start, x0 - columns.start : x1 - columns.start] = (
                part
            )
        return window

    def size_mm(self, spacing_mm: tuple[float, float]) -> tuple[float, float]:
        """Return (width, height) in mm.

        Parameters
        ----------
        spacing_mm
            Of a pixel: (between rows, between columns).

        Returns
        -------
        tuple of float
            Along a row, and along a column.
        """
        return (self.x1 - self.x0) * spacing_mm[1], (self.y1 - self.y0) * spacing_mm[0]

    def __str__(self) -> str:
        return f"x {self.x0:g} to {self.x1:g}, y {self.y0:g} to {self.y1:g}"

    def flagged(self, *flags: str) -> "Roi":
        """Return the same box with more flags.

        Parameters
        ----------
        *flags
            In snake_case.

        Returns
        -------
        Roi
            Its own flags first.
        """
        return replace(self, flags=(*self.flags, *flags))

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> "Roi":
        """Return the box in columns x0, y0, x1 and y1 of an images table's row.

        Parameters
        ----------
        row
            Cells as text.

        Returns
        -------
        Roi
            In stored pixels.

        Raises
        ------
        StudyError
            When one of them is no number, or the box is empty.

        Examples
        --------
        >>> from microcalc.images.roi import Roi
        >>> row = {"image_id": "C001_CC", "x0": "1204", "y0": "880", "x1": "1404", "y1": "1080"}
        >>> roi = Roi.from_row(row)
        >>> str(roi), roi.size_mm((0.1, 0.1))
        ('x 1204 to 1404, y 880 to 1080', (20.0, 20.0))
        """
        start = f"image {row.get('image_id', '?')}: its ROI"
        try:
            roi = cls(*(float(row[name]) for name in ("x0", "y0", "x1", "y1")))
        except (KeyError, ValueError):
            raise StudyError(f"{start} needs numbers in columns x0, y0, x1, y1") from None
        # Written so that NaN fails too.
        if not (roi.x0 < roi.x1 and roi.y0 < roi.y1):
            raise StudyError(f"{start} is empty: expected x0 < x1 and y0 < y1", detail=str(roi))
        return roi


def check_inside(roi: Roi, shape: tuple[int, int], *, image_id: str) -> list[str]:
    """Return flags about how an ROI lies in an image.

    Parameters
    ----------
    roi
        In stored pixels.
    shape
        Rows and columns of the image.
    image_id
        Its name in messages.

    Returns
    -------
    list of str
        "roi_partly_outside_image" or none; a pixel beyond the edge is none.

    Raises
    ------
    StudyError
        When its middle is not in the image; the message says so when x and y look swapped.

    Examples
    --------
    >>> from microcalc.images.roi import Roi, check_inside
    >>> check_inside(Roi(10, 20, 30, 40), (100, 200), image_id="C001_CC")
    []
    >>> check_inside(Roi(-8, 20, 30, 40), (100, 200), image_id="C001_CC")
    ['roi_partly_outside_image']
    """
    rows, columns = shape
    x, y = roi.center
    if not (0 <= x <= columns and 0 <= y <= rows):
        hint = ""
        if 0 <= y <= columns and 0 <= x <= rows:
            hint = "; with x and y swapped it would lie inside"
        raise StudyError(
            f"image {image_id}: its ROI lies outside the image{hint}",
            detail=f"{roi}; {columns} columns, {rows} rows",
        )
    # One pixel beyond the edge is a matter of counting, not of place.
    if roi.x0 < -1 or roi.y0 < -1 or roi.x1 > columns + 1 or roi.y1 > rows + 1:
        return ["roi_partly_outside_image"]
    return []
