"""Crop window: whether one of fixed size holds a region of interest."""

import os
from collections.abc import Mapping

from microcalc.core.errors import StudyError

LARGER_THAN_WINDOW = "roi_larger_than_window"
"""The flag of an image whose patch shows the middle of its ROI alone."""

_TOLERANCE_MM = 0.1


def is_cut(longer_mm: float, window_mm: float) -> bool:
    """Return whether an ROI reaches out of the window.

    Parameters
    ----------
    longer_mm
        Its longer side.
    window_mm
        The window's side.

    Returns
    -------
    bool
        False where it is less than a rounding error longer.

    Examples
    --------
    >>> from microcalc.images import window
    >>> window.is_cut(20.0, 22.4), window.is_cut(30.0, 22.4)
    (False, True)
    """
    return longer_mm > window_mm + _TOLERANCE_MM


def longer_side_mm(row: Mapping[str, str], image_folder: str) -> float | None:
    """Return the longer side of the box in an images table's row, without reading a pixel.

    Parameters
    ----------
    row
        Cells as text: path, x0, y0, x1, y1, and what `ImageEntry` knows of.
    image_folder
        What column `path` is relative to.

    Returns
    -------
    float or None
        In mm. None where a file holds the region, or nothing readable gives a spacing: what is
        wrong with the image itself is told when it is read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from microcalc.images import window
    >>> row = {"image_id": "C001_CC", "path": "C001_CC.pgm", "spacing_mm": "0.05"}
    >>> row |= {"x0": "100", "y0": "200", "x1": "300", "y1": "300"}  # 200 x 100 pixels
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     count = Path(folder, "C001_CC.pgm").write_bytes(b"P2 2 1 255 0 255")
    ...     window.longer_side_mm(row, folder)
    10.0
    """
    from microcalc.images import formats
    from microcalc.images.image_entry import ImageEntry
    from microcalc.images.roi import Roi

    if not row.get("x0"):
        return None
    try:
        path = os.path.join(image_folder, row["path"])
        spacing = formats.read_spacing(path, ImageEntry.from_row(row))
        return max(Roi.from_row(row).size_mm(spacing))
    except (StudyError, OSError, ValueError):
        return None
