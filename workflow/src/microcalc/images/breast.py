"""Where the breast is, and which grey levels it has."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from microcalc.images.mammogram import Mammogram

GRID_MM = 0.8
"""Spacing of the coarse grid: fine enough for an outline, and a hundredth of the pixels."""

LEVELS_PERCENT = (1.0, 99.0)
_EDGE_FRACTION = 0.03
_TWO_CLASSES = 0.8
_FEW = 0.05


@dataclass(frozen=True, eq=False)
class Breast:
    """The breast on a coarse grid of every `stride`-th row and column.

    Attributes
    ----------
    mask
        (r, c) bool.
    values
        (r, c) float32 grey levels at the same places, padding included.
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
    values: NDArray[np.float32]
    stride: tuple[int, int]
    chest_wall: Literal["left", "right"] | None
    fraction: float
    levels: tuple[float, float]
    mean: float
    sd: float
    flags: tuple[str, ...]


def find(mammogram: Mammogram) -> Breast:
    """Return the breast: the largest bright component that touches a side edge of the image.

    Burned-in markers, clips and bright strips at the other edge are components of their own and
    drop out; padding is never breast. An image without background, as magnification views may
    be, is breast all over.
    """
    stride = _stride(mammogram)
    sample = mammogram.stored[stride[0] // 2 :: stride[0], stride[1] // 2 :: stride[1]]
    values = np.take(mammogram.grey.curve, sample)
    valid = ~np.take(mammogram.grey.padding, sample)
    flags: list[str] = []
    mask = _component(_foreground(values, valid, flags), flags)
    inside = _eroded(_eroded(mask)) & valid
    if not inside.any():
        inside = mask & valid
    if not inside.any():
        flags.append("no_breast_found")
        inside = valid if valid.any() else np.ones_like(valid)
    tissue = values[inside].astype(np.float64)
    low, high = np.percentile(tissue, LEVELS_PERCENT)
    return Breast(
        mask=mask,
        values=values,
        stride=stride,
        chest_wall=_chest_wall(mask),
        fraction=float(mask.mean()),
        levels=(float(low), float(high)),
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


def _foreground(
    values: NDArray[np.float32], valid: NDArray[np.bool_], flags: list[str]
) -> NDArray[np.bool_]:
    """Return where the image is brighter than its background of air."""
    smooth = ndimage.uniform_filter(np.where(valid, values, values[valid].min(initial=0)), 3)
    known = smooth[valid].astype(np.float64)
    if known.size == 0 or known.min() == known.max():
        flags.append("no_background_found")
        return valid.copy()
    bright = _without_marker(known)
    top = float(np.percentile(bright, 99))
    level = _lowest_split(bright)
    if level is None:
        flags.append("no_background_found")
        return valid.copy()
    dark = known[known <= level]
    air = float(np.median(dark))
    spread = float(np.sqrt(np.mean(np.minimum(dark - air, 0) ** 2) * 2))
    threshold = min(air + max(4 * spread, 0.03 * (top - air)), level)
    # Smoothing alone would carry the skin line outward, noise alone would strew dots.
    return valid & (smooth > threshold) & (values > threshold)


def _without_marker(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values but for a few very bright ones, as a marker or an implant has.

    They are no second class of the picture.
    """
    while values.min() < values.max():
        dark = values <= _otsu(values)[0]
        if (~dark).mean() > _FEW:
            break
        values = values[dark]
    return values


def _lowest_split(values: NDArray[np.float64]) -> float | None:
    """Return the lowest level that parts two clear classes, None when there is none.

    Otsu's first threshold may part dense tissue from fat and air together; the dark class is
    therefore split again, as long as either split is a clear one.
    """
    found = None
    for _ in range(4):
        level, separation = _otsu(values)
        darker = values[values <= level]
        if darker.size < max(_FEW * values.size, 2):
            break
        if separation >= _TWO_CLASSES:
            found = level
        values = darker
    return found


def _otsu(values: NDArray[np.float64], bins: int = 256) -> tuple[float, float]:
    """Return Otsu's threshold and how well it separates (between-class over total variance).

    N. Otsu, IEEE Trans. Syst. Man Cybern. 9 (1979) 62-66. A normal distribution alone reaches
    2/pi = 0.64, a uniform one 0.75.
    """
    if values.size == 0:
        return 0.0, 0.0
    lowest, highest = values.min(), values.max()
    if lowest == highest:
        return float(lowest), 0.0
    # numpy.histogram takes three times as long to place values at an edge to the last bit.
    places = ((values - lowest) * (bins / (highest - lowest))).astype(np.intp)
    counts = np.bincount(np.minimum(places, bins - 1), minlength=bins)
    edges = np.linspace(lowest, highest, bins + 1)
    centers = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = values.size - below
    sums = np.cumsum(counts * centers)
    means = sums[:-1] / np.maximum(below, 1), (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    between = below * above * (means[0] - means[1]) ** 2 / values.size**2
    best = int(np.argmax(between))
    total = float(np.sum(counts * (centers - sums[-1] / values.size) ** 2) / values.size)
    return float(edges[best + 1]), float(between[best] / total) if total else 0.0


def _component(foreground: NDArray[np.bool_], flags: list[str]) -> NDArray[np.bool_]:
    """Return the largest component at the left or right edge, its holes filled."""
    # Opening parts a marker from the skin line that it touches.
    opened = _dilated(_eroded(foreground))
    labels, count = ndimage.label(opened)
    if count == 0:
        return foreground
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    margin = max(1, round(_EDGE_FRACTION * labels.shape[1]))
    at_edge = np.unique(np.concatenate([labels[:, :margin], labels[:, -margin:]], axis=None))
    touching = np.zeros_like(sizes)
    touching[at_edge] = sizes[at_edge]
    if touching.max() * 4 < sizes.max():
        flags.append("breast_off_edge")
        touching = sizes
    # The opening took a rim of one cell off; give it back where there was foreground.
    chosen = _dilated(labels == int(np.argmax(touching))) & foreground
    return chosen | _holes(chosen)


# What scipy.ndimage has under the names binary_erosion, binary_dilation and binary_fill_holes,
# at a tenth of the time: with those it is most of what finding a breast costs.
def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the cells whose four neighbors are all in `mask`; those at the rim lack one."""
    inner = np.zeros_like(mask)
    inner[1:-1, 1:-1] = (
        mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    )
    return inner


def _dilated(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the cells in `mask` and their four neighbors."""
    grown = mask.copy()
    grown[:-1] |= mask[1:]
    grown[1:] |= mask[:-1]
    grown[:, :-1] |= mask[:, 1:]
    grown[:, 1:] |= mask[:, :-1]
    return grown


def _holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what `mask` encloses."""
    labels, count = ndimage.label(~mask)
    enclosed = np.ones(count + 1, dtype=bool)
    enclosed[0] = False
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        enclosed[edge] = False
    return enclosed[labels]


def _chest_wall(mask: NDArray[np.bool_]) -> Literal["left", "right"] | None:
    """Return the side at which more of the breast is cut off, None when neither prevails."""
    width = max(1, round(_EDGE_FRACTION * mask.shape[1]))
    left, right = float(mask[:, :width].mean()), float(mask[:, -width:].mean())
    if max(left, right) < 0.05 or max(left, right) < 1.5 * min(left, right):
        return None
    return "left" if left > right else "right"
