"""Connected components of what is drawn in a region file, and which of them are the ROI."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import ceil, floor, hypot

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from microcalc.config.region_rules import Rules
from microcalc.core.errors import StudyError
from microcalc.images.roi import Roi

EIGHT = np.ones((3, 3), dtype=bool)
"""Pixels that touch at a corner belong together: a thin line drawn askew is one line."""

_MOST_TOLD = 5
_NEARLY_WHOLE = 0.8
_LARGEST_WINDOW = 60_000_000


@dataclass(frozen=True, eq=False)
class Component:
    """One connected region.

    Attributes
    ----------
    label
        What the file calls it, "" where it has no names.
    box
        Its bounding box.
    cells
        The pixels it fills, in a window whose first pixel is `corner` (row, column).
    area
        In pixels.
    """

    label: str
    box: Roi
    cells: NDArray[np.bool_]
    corner: tuple[int, int]
    area: float


def of_mask(
    mask: NDArray[np.bool_], label: str = "", *, least: float = 0.0
) -> tuple[list[Component], list[float]]:
    """Return the 8-connected components of a mask, and the areas of those below `least` pixels.

    Parameters
    ----------
    mask
        Bool, (rows, columns).
    label
        What the components are called.
    least
        Pixels that a component has at least.

    Returns
    -------
    components, specks
        By rows; and the areas in pixels of what is smaller.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import components
    >>> mask = np.zeros((20, 20), dtype=bool)
    >>> mask[2:6, 3:9] = mask[15, 15] = True
    >>> found, specks = components.of_mask(mask, least=4)
    >>> [str(each.box) for each in found], specks
    (['x 3 to 9, y 2 to 6'], [1.0])
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return [], []
    top, left = int(rows[0]), int(columns[0])
    window = mask[top : rows[-1] + 1, left : columns[-1] + 1]
    numbers, count = ndimage.label(window, structure=EIGHT)
    areas = np.bincount(numbers.ravel(), minlength=count + 1)
    places = ndimage.find_objects(numbers)
    found = []
    for number in np.flatnonzero(areas >= max(least, 1)):
        if number == 0:
            continue
        y, x = places[number - 1]
        box = Roi(*(float(v) for v in (x.start + left, y.start + top, x.stop + left, y.stop + top)))
        corner = (y.start + top, x.start + left)
        cells = numbers[y, x] == number
        found.append(Component(label, box, cells, corner, float(areas[number])))
    return found, [float(area) for area in areas[1:] if area < least]


def of_polygon(points: Sequence[tuple[float, float]], label: str = "") -> Component | None:
    """Return the component that a polygon of corners (x, y) encloses, None without an area.

    The area is the shoelace formula's; the cells are those that the polygon touches.

    Parameters
    ----------
    points
        Corners (x, y) in pixels from the image's upper left corner.
    label
        What the component is called.

    Returns
    -------
    Component or None
        With its box and its area in pixels.

    Raises
    ------
    StudyError
        When its box is larger than any image.

    Examples
    --------
    >>> from microcalc.images import components
    >>> triangle = components.of_polygon([(10, 10), (20, 10), (10, 20)])
    >>> str(triangle.box), triangle.area
    ('x 10 to 20, y 10 to 20', 50.0)
    """
    from PIL import Image, ImageDraw

    corners = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if not len(corners) or not np.isfinite(corners).all():
        return None
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    if not (x0 < x1 and y0 < y1):
        return None
    x, y = corners[:, 0], corners[:, 1]
    area = abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2
    left, top = floor(x0), floor(y0)
    width, height = ceil(x1) - left, ceil(y1) - top
    box = Roi(float(x0), float(y0), float(x1), float(y1))
    if width * height > _LARGEST_WINDOW:
        raise StudyError("its ROI file draws a region larger than any image", detail=str(box))
    canvas = Image.new("1", (width, height))
    # Pillow counts whole pixels from their middle, a polygon's corners are places.
    outline = [(px - left - 0.5, py - top - 0.5) for px, py in corners]
    ImageDraw.Draw(canvas).polygon(outline, fill=1, outline=1)
    return Component(label, box, np.asarray(canvas), (top, left), area)


def joined(parts: Sequence[Component]) -> list[Component]:
    """Return components that overlap or touch as one, where they have the same label.

    Parameters
    ----------
    parts
        Of one image.

    Returns
    -------
    list of Component
        No two of which touch under one label.

    Examples
    --------
    >>> from microcalc.images import components
    >>> boxes = [[(0, 0), (9, 0), (9, 9), (0, 9)], [(5, 5), (15, 5), (15, 15), (5, 15)]]
    >>> found = components.joined([components.of_polygon(corners) for corners in boxes])
    >>> [str(each.box) for each in found]
    ['x 0 to 15, y 0 to 15']
    """
    found: list[Component] = []
    for part in parts:
        while touching := [other for other in found if _touch(part, other)]:
            found = [other for other in found if not any(other is each for each in touching)]
            for other in touching:
                part = _union(part, other)
        found.append(part)
    return found


def one(
    found: Sequence[Component],
    specks: Sequence[float],
    *,
    rules: Rules,
    spacing_mm: tuple[float, float],
) -> Roi:
    """Return the ROI that components make, with the specks beside it counted.

    Of equal ones the upper, then the left one is the largest.

    Parameters
    ----------
    found
        Components of one image.
    specks
        Areas in pixels of what was left out.
    rules
        What happens to several components and to specks.
    spacing_mm
        Distance between pixel centers in mm: (between rows, between columns).

    Returns
    -------
    Roi
        In stored pixels.

    Raises
    ------
    StudyError
        When nothing but specks is left, or several are, and `rules` say to refuse them.

    Examples
    --------
    >>> from microcalc.config.image_settings import PatchSettings
    >>> from microcalc.images import components
    >>> square = components.of_polygon([(0, 0), (90, 0), (90, 90), (0, 90)])
    >>> rules = PatchSettings().region_rules
    >>> str(components.one([square], [], rules=rules, spacing_mm=(0.1, 0.1)))
    'x 0 to 90, y 0 to 90'
    """
    pixel = spacing_mm[0] * spacing_mm[1]
    least = rules.speck_mm2 / pixel
    kept = [part for part in found if part.area >= least]
    small = [*specks, *(part.area for part in found if part.area < least)]
    if not kept:
        raise StudyError(
            "its ROI file holds nothing but specks; draw the region, or lower images.roi_speck_mm2",
            detail=f"{len(small)}, the largest of {max(small, default=0) * pixel:.3g} mm²; "
            f"expected at least {rules.speck_mm2:g} mm²",
        )
    kept.sort(key=lambda part: (-part.area, part.box.y0, part.box.x0))
    flags = ["roi_specks_left_out"] if small else []
    chosen = kept
    if len(kept) > 1:
        if rules.components == "refuse":
            raise StudyError(
                "its ROI file holds several regions; name one in column roi_label, leave the "
                "others out of the file, or set images.roi_components to largest or all",
                detail=_told(kept, spacing_mm),
            )
        chosen = kept[:1] if rules.components == "largest" else kept
        flags.append(f"roi_{rules.components}_of_several")
    boxes = [part.box for part in chosen]
    whole = reduce(_union, chosen)
    return Roi(
        min(box.x0 for box in boxes),
        min(box.y0 for box in boxes),
        max(box.x1 for box in boxes),
        max(box.y1 for box in boxes),
        drawn=True,
        specks=len(small),
        flags=tuple(flags),
        cells=whole.cells,
        corner=whole.corner,
    )


def refuse_whole(roi: Roi, shape: tuple[int, int]) -> Roi:
    """Refuse an ROI that is nearly the whole image.

    Parameters
    ----------
    roi
        In stored pixels.
    shape
        Rows and columns of the image.

    Returns
    -------
    Roi
        The same.

    Raises
    ------
    StudyError
        When its box covers more than 80 % of the image: what was drawn is the breast, the film, or
        everything but the lesion.

    Examples
    --------
    >>> from microcalc.images import components
    >>> from microcalc.images.roi import Roi
    >>> str(components.refuse_whole(Roi(10, 20, 30, 40), (100, 200)))
    'x 10 to 30, y 20 to 40'
    """
    covered = (roi.x1 - roi.x0) * (roi.y1 - roi.y0) / (shape[0] * shape[1])
    if covered > _NEARLY_WHOLE:
        raise StudyError(
            "its ROI file covers nearly the whole image; a region of interest is a small part",
            detail=f"{covered:.0%} of the image",
        )
    return roi


def _told(parts: Sequence[Component], spacing_mm: tuple[float, float]) -> str:
    """Return size and label of each region, and how far its middle is from the first one's."""
    lines: list[str] = []
    for part in parts[:_MOST_TOLD]:
        width, height = part.box.size_mm(spacing_mm)
        line = f"{width:.1f} x {height:.1f} mm"
        if part.label:
            line = f"{part.label!r} {line}"
        if lines:
            (x, y), (first_x, first_y) = part.box.center, parts[0].box.center
            away = hypot((x - first_x) * spacing_mm[1], (y - first_y) * spacing_mm[0])
            line = f"{line}, {away:.1f} mm away"
        lines.append(line)
    more = f"; and {len(parts) - _MOST_TOLD} more" if len(parts) > _MOST_TOLD else ""
    return f"{len(parts)} regions: {'; '.join(lines)}{more}"


def _touch(a: Component, b: Component) -> bool:
    if a.label != b.label:
        return False
    # A rim of one pixel, so that neighbors overlap.
    (top, left), (height, width) = (v - 1 for v in a.corner), (n + 2 for n in a.cells.shape)
    y0, x0 = max(top, b.corner[0]), max(left, b.corner[1])
    y1 = min(top + height, b.corner[0] + b.cells.shape[0])
    x1 = min(left + width, b.corner[1] + b.cells.shape[1])
    if y0 >= y1 or x0 >= x1:
        return False
    grown = ndimage.binary_dilation(np.pad(a.cells, 1), structure=EIGHT)
    ours = grown[y0 - top : y1 - top, x0 - left : x1 - left]
    theirs = b.cells[y0 - b.corner[0] : y1 - b.corner[0], x0 - b.corner[1] : x1 - b.corner[1]]
    return bool((ours & theirs).any())


def _union(a: Component, b: Component) -> Component:
    corner = min(a.corner[0], b.corner[0]), min(a.corner[1], b.corner[1])
    ends = [max(p.corner[i] + p.cells.shape[i] for p in (a, b)) for i in (0, 1)]
    cells = np.zeros((ends[0] - corner[0], ends[1] - corner[1]), dtype=bool)
    for part in (a, b):
        y, x = part.corner[0] - corner[0], part.corner[1] - corner[1]
        cells[y : y + part.cells.shape[0], x : x + part.cells.shape[1]] |= part.cells
    overlap = float(a.cells.sum() + b.cells.sum() - cells.sum())
    box = Roi(
        min(a.box.x0, b.box.x0), min(a.box.y0, b.box.y0),
        max(a.box.x1, b.box.x1), max(a.box.y1, b.box.y1),
    )  # fmt: skip
    return Component(a.label, box, cells, corner, a.area + b.area - overlap)
