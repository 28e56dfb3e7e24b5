"""Breast segmentation: where the breast is, and which grey levels it has."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from microcalc.images import background, coarse_grid
from microcalc.images.mammogram import Mammogram

OFF_EDGE = "breast_off_edge"
"""Flag of a breast that no side of the image cuts off, as the chest wall's does."""
FILLS_IMAGE = "breast_fills_image"
"""Flag of a mask that covers more than `MOST_OF_IMAGE`: there may be air, and text, in it."""
MOST_OF_IMAGE = 0.85

GRID_MM = 0.8
"""Spacing of the coarse grid: fine enough for an outline, and a hundredth of the pixels."""

LEVELS_PERCENT = (1.0, 99.0)
_EDGE_FRACTION = 0.03
_OPENING = 4
_MARGIN = 3
_BESIDE = 2
_STRAIGHT_CELLS = 2
_STRAIGHT = 0.5
_UNIFORM = 0.02


@dataclass(frozen=True, eq=False)
class Breast:
    """The breast on a coarse grid of every `stride`-th row and column.

    Attributes
    ----------
    mask
        (r, c) bool.
    shown
        (r, c) bool: what a person may see, which is the mask and a margin of a few millimeters,
        so that no skin is lost, less the surroundings of what is bright there without being
        breast: a label, text.
    cells
        (r, c) the image's stored cells at these places, as look-ups want them.
    values
        (r, c) float32 grey levels there, padding included.
    stride
        Rows and columns of the image per grid cell; cell (i, j) stands for its middle pixel.
    chest_wall
        The image's side at which the breast is cut off, None when that cannot be seen.
    fraction
        Part of the image that is breast.
    levels
        The 1st and 99th percentile of grey levels well inside the breast.
    mean, sd
        Mean and standard deviation of the same grey levels.
    flags
        What was odd.
    """

    mask: NDArray[np.bool_]
    shown: NDArray[np.bool_]
    cells: NDArray[np.intp]
    values: NDArray[np.float32]
    stride: tuple[int, int]
    chest_wall: Literal["left", "right"] | None
    fraction: float
    levels: tuple[float, float]
    mean: float
    sd: float
    flags: tuple[str, ...]


def find(mammogram: Mammogram) -> Breast:
    r"""Return the breast: the largest bright component that touches a side of what was exposed.

    Padding, white frames, burned-in markers, clips and bright strips at the other edge drop out;
    air may be grey, and differ from row to row. An image without background, as magnification
    views may be, is breast all over. Whatever is odd is flagged, nothing is refused.

    Parameters
    ----------
    mammogram
        Of at least 2 x 2 pixels; its spacing sets how coarse the grid is (`GRID_MM`).

    Returns
    -------
    Breast
        On the coarse grid, in the image's own rows and columns.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import breast, raster
    >>> from microcalc.images.image_entry import ImageEntry
    >>> y, x = np.mgrid[:200, :150]
    >>> film = np.where(np.hypot(x, y - 100) < 80, 160, 20).astype(np.uint8)
    >>> pgm = b"P5 150 200 255\n" + film.tobytes()
    >>> found = breast.find(raster.decode(pgm, ImageEntry("C001_CC", spacing_mm=0.8)))
    >>> found.chest_wall, found.levels, round(float(found.fraction), 2)  # pi * 80**2 / 2 pixels
    ('left', (160.0, 160.0), 0.34)
    """
    stride = _stride(mammogram)
    sample = mammogram.stored[stride[0] // 2 :: stride[0], stride[1] // 2 :: stride[1]]
    cells = sample.astype(np.intp)
    values, padding = np.take(mammogram.grey.curve, cells), mammogram.grey.padding
    valid = ~np.take(padding, cells) if padding.any() else np.ones(cells.shape, dtype=bool)
    flags: list[str] = []
    field = background.field(values, valid)
    bright, mask = np.zeros_like(valid), np.zeros_like(valid)
    around = coarse_grid.extremes(values[field])
    exposed = valid[field] & ~background.blacked_out(values[field], around)
    bright[field], sharp = background.foreground(values[field], exposed, around, flags)
    mask[field] = _component(bright[field], sharp, values[field])
    left, right = _cut_sides(mask)
    if mask.any() and not max(left, right):
        flags.append(OFF_EDGE)
    fraction = np.count_nonzero(mask) / mask.size
    if fraction > MOST_OF_IMAGE:
        flags.append(FILLS_IMAGE)
    inside = coarse_grid.eroded(mask, 2) & valid
    if not inside.any():
        inside = mask & valid
    if not inside.any():
        flags.append("no_breast_found")
        inside = valid if valid.any() else np.ones_like(valid)
    tissue = values[inside]
    low, high = coarse_grid.percentiles(tissue, LEVELS_PERCENT)
    tissue = tissue.astype(np.float64)
    return Breast(
        mask=mask,
        shown=mask
        | (coarse_grid.dilated(mask, _MARGIN) & ~coarse_grid.dilated(bright & ~mask, _BESIDE)),
        cells=cells,
        values=values,
        stride=stride,
        chest_wall=_chest_wall(left, right),
        fraction=fraction,
        levels=(low, high),
        mean=float(tissue.mean()),
        sd=float(tissue.std()),
        flags=tuple(flags),
    )


def _stride(mammogram: Mammogram) -> tuple[int, int]:
    # At least 64 cells each way, so that a small image still has an outline.
    rows, columns = (
        max(1, min(round(GRID_MM / spacing), size // 64))
        for spacing, size in zip(mammogram.spacing_mm, mammogram.shape, strict=True)
    )
    return rows, columns


def _component(
    foreground: NDArray[np.bool_], sharp: NDArray[np.bool_], values: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Return the largest component at the left or right edge, its holes filled."""
    # Opening parts a label from the skin line that it touches, its edge from a streak below it.
    opened = coarse_grid.dilated(coarse_grid.eroded(foreground & ~sharp, _OPENING), _OPENING)
    box = coarse_grid.bounding_box(opened)
    labels, count = coarse_grid.components(opened[box])
    if count == 0:
        return foreground
    chosen = opened
    if count > 1:
        chosen = np.zeros_like(opened)
        chosen[box] = labels == _largest_at_edge(labels, box, values)
    # The opening took a rim of some cells off; give it back where there was foreground.
    chosen = coarse_grid.dilated(chosen, _OPENING, within=foreground)
    return np.asarray(chosen | coarse_grid.holes(chosen))


def _largest_at_edge(
    labels: NDArray[np.integer[Any]], box: tuple[slice, slice], values: NDArray[np.float32]
) -> int:
    """Return the number of the largest component at the left or right edge of `values`.

    `labels` are those of its `box`. One within the image is taken where those at the edge are less
    than a fourth of it.
    """
    sizes = _sizes(labels, values[box], np.ptp(values))
    near = np.zeros(values.shape[1], dtype=bool)
    margin = max(1, round(_EDGE_FRACTION * near.size))
    near[:margin] = near[-margin:] = True
    at_edge = np.unique(labels[:, near[box[1]]])
    touching = np.zeros_like(sizes)
    touching[at_edge] = sizes[at_edge]
    if touching.max() * 4 < sizes.max():
        touching = sizes
    return int(np.argmax(touching))


def _sizes(
    labels: NDArray[np.integer[Any]], values: NDArray[np.float32], spread: np.floating[Any]
) -> NDArray[np.intp]:
    """Return each component's cells; 0 for a frame, which has one grey level, unlike a breast."""
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    large = np.flatnonzero(sizes * 4 >= sizes.max())
    least = _UNIFORM * spread
    uniform = [part for part in large if large.size > 1 and values[labels == part].std() <= least]
    if len(uniform) < large.size:
        sizes[uniform] = 0
    return sizes


def _cut_sides(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the part of the breast's rows that end together at its left, and at its right end.

    0 at a side that is round and lies within the image, as the skin does. A film's edge may lie
    within the image too, but is straight.
    """
    rows = mask[mask.any(axis=1)]
    if not rows.size or not rows.any():
        return 0.0, 0.0
    near = max(1, round(_EDGE_FRACTION * mask.shape[1]))
    parts = []
    for side in (rows, rows[:, ::-1]):
        ends = side.argmax(axis=1)
        part = float((ends <= ends.min() + _STRAIGHT_CELLS).mean())
        parts.append(part if ends.min() < near or part >= _STRAIGHT else 0.0)
    return parts[0], parts[1]


def _chest_wall(left: float, right: float) -> Literal["left", "right"] | None:
    """Return the side at which more of the breast is cut off, None when neither prevails."""
    if max(left, right) < 0.05 or max(left, right) < 1.5 * min(left, right):
        return None
    return "left" if left > right else "right"
