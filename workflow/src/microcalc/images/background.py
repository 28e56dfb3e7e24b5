"""What of an image is brighter than the air around the breast: film, detector, frame, padding."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

NOT_FOUND = "no_background_found"
"""Flag of an image that holds no air: a magnification view, or one whose air is as bright."""

_EMPTY = 0.97
_WHITE = 0.9
_WIDEST_FRAME = 0.25
_TWO_CLASSES = 0.8
_FEW = 0.05
_PLATEAU = 0.01
_SMALLEST_RECTANGLE = 50
_BAND = 4
_FLAT = 0.015
_RISE = 0.0125
_SHARP = (0.1, 0.6)
_AIR_QUANTILE = 0.3
_GREY_SHARE, _AIR_SHARE = 0.1, 0.02


def field(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the rows and columns of what was exposed, without black padding and white frames.

    Digitized films are laid on black to a common size, and scanned with a lightbox's white rim.
    Lines at the border of which 97 % are padding, or have the image's lowest value, are no part of
    it; nor are those of which 97 % are white, up to a quarter of the image at each side.
    """
    known = values[valid]
    lowest, highest = (float(f(known)) if known.size else 0.0 for f in (np.min, np.max))
    empty = ~valid | (values == lowest)
    white = valid & (values >= lowest + _WHITE * (highest - lowest)) & (highest > lowest)
    rows, columns = (slice(0, side) for side in values.shape)
    # A frame may lie within padding, and a black gap within the frame.
    for outside, most in ((empty, 1.0), (white, _WIDEST_FRAME), (empty, 1.0)):
        columns = _without_border(outside[rows, columns].mean(axis=0), columns, most)
        rows = _without_border(outside[rows, columns].mean(axis=1), rows, most)
    return rows, columns


def _without_border(share: NDArray[np.float64], lines: slice, most: float) -> slice:
    """Return `lines` from the first to the last that is not outside by its share of cells."""
    inside = np.flatnonzero(share < _EMPTY)
    if not inside.size:
        return lines
    first, last = int(inside[0]), share.size - 1 - int(inside[-1])
    return slice(
        lines.start + (first if first <= most * share.size else 0),
        lines.stop - (last if last <= most * share.size else 0),
    )


def blacked_out(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the rectangles of exactly the lowest value: a name made black, a collimator.

    Air of one value around a breast has a round side; a rectangle says nothing about air.
    """
    lowest = values.min()
    # Shrunk by a cell, so that noise of many dots is nothing to go through.
    within = _around(values)[1] == lowest
    labels, count = ndimage.label(within)
    rectangle = np.zeros(count + 1, dtype=bool)
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        part = labels[box] == number
        rectangle[number] = part.size >= _SMALLEST_RECTANGLE and part.mean() > _EMPTY
    if not rectangle.any():
        return np.zeros_like(within)
    return np.asarray(ndimage.maximum_filter(rectangle[labels], 3) & (values == lowest))


def foreground(
    values: NDArray[np.float32], valid: NDArray[np.bool_], flags: list[str]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where the image is brighter than its air, and which of it is a sharp edge to the dark.

    All that is valid is bright where there is no air. Labels have sharp edges; the rim of a breast
    seldom has.
    """
    nothing = np.zeros_like(valid)
    smooth = ndimage.uniform_filter(np.where(valid, values, values[valid].min(initial=0)), 3)
    known = smooth[valid].astype(np.float64)
    if known.size == 0 or known.min() == known.max():
        flags.append(NOT_FOUND)
        return valid.copy(), nothing
    bright = _without_marker(known)
    lowest, top = float(known.min()), float(np.percentile(bright, 99))
    least = lowest + _FEW * (top - lowest)
    level = _lowest_split(bright, least)
    if level is None and (known == lowest).mean() > _PLATEAU:
        # Black by the scanner's limit, or a collimator's shadow: no tissue is so alike.
        level = least
    if level is None:
        flags.append(NOT_FOUND)
        return valid.copy(), nothing
    air, noise = _air(values, smooth, valid & (smooth <= level), flat=_FLAT * (top - lowest))
    # The mean of nine cells has a third of one's noise.
    rise = np.maximum(4 * noise / 3, _RISE * (top - air))
    threshold = np.minimum(air + rise, level)[:, None]
    # Smoothing alone would carry the skin line outward, noise alone would strew dots.
    found = valid & (smooth > threshold) & (values > threshold)
    darkest, brightest = _around(values)
    dark, white = (air + part * (top - air) for part in _SHARP)
    return found, found & (darkest < dark[:, None]) & (brightest > white[:, None])


def _air(
    values: NDArray[np.float32],
    smooth: NDArray[np.float32],
    dark: NDArray[np.bool_],
    *,
    flat: float,
) -> tuple[NDArray[np.float64], float]:
    """Return the grey level of air in each row, and the standard deviation of a cell's noise.

    Air on film is grey where stray light reached it and black by the scanner's limit elsewhere,
    which changes from top to bottom; black rectangles and strips may stand in it. Where smoothed
    values change by more than `flat` from cell to cell, tissue begins.
    """
    lowest, highest = _around(smooth)
    change = highest - lowest
    level = dark & (change <= flat)
    if not level.any():
        level = dark
    bands = range(0, len(smooth), _BAND)
    rows = [slice(first, first + _BAND) for first in bands]
    of_bands = np.array([_air_level(smooth[band], level[band], change[band]) for band in rows])
    known = np.flatnonzero(~np.isnan(of_bands))
    if known.size:
        every = np.interp(np.arange(of_bands.size), known, of_bands[known])
    else:
        every = np.full(of_bands.size, np.median(smooth[level]))
    every = ndimage.median_filter(every, 3, mode="nearest")
    air = np.interp(np.arange(len(smooth)), np.array(bands) + (_BAND - 1) / 2, every)
    apart = np.abs(values - smooth)[level & (change > 0)]
    # 1.48 makes a standard deviation of a median; the mean of nine cells holds the cell itself.
    noise = 1.48 * float(np.median(apart)) / np.sqrt(8 / 9) if apart.size else 0.0
    return air, float(noise)


def _around(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the lowest and the highest of a cell and its eight neighbors."""
    # With scipy.ndimage's filters this is a quarter of what finding a breast costs.
    around = np.pad(values, 1, mode="edge")
    extremes = []
    for pick in (np.minimum, np.maximum):
        rows = pick(pick(around[:-2], around[1:-1]), around[2:])
        extremes.append(pick(pick(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:]))
    return extremes[0], extremes[1]


def _air_level(
    smooth: NDArray[np.float32], level: NDArray[np.bool_], change: NDArray[np.float32]
) -> float:
    """Return the level of air in a few rows; NaN where they hold too little of it.

    Cells that are exactly alike are black by the scanner's limit or made black, and say nothing
    about the others. A low quantile, since the rim of the breast is brighter than air.
    """
    air = smooth[level & (change > 0)]
    if air.size < _GREY_SHARE * smooth.size:
        air = smooth[level]
    if air.size < max(_AIR_SHARE * smooth.size, 1):
        return np.nan
    place = int(_AIR_QUANTILE * (air.size - 1))
    return float(np.partition(air, place)[place])


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


def _lowest_split(values: NDArray[np.float64], least: float) -> float | None:
    """Return the lowest level that parts two clear classes, None when there is none.

    Otsu's first threshold may part dense tissue from fat and air together; the dark class is
    therefore split again, as long as either split is a clear one. Below `least`, what is parted is
    grey air and black air.
    """
    found = None
    for _ in range(4):
        level, separation = _otsu(values)
        darker = values[values <= level]
        if darker.size < max(_FEW * values.size, 2):
            break
        if separation >= _TWO_CLASSES:
            found = max(level, least)
        if level < least:
            break
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
