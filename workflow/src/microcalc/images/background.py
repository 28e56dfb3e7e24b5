"""Image foreground: what is brighter than the air around the breast, no frame and no padding."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from microcalc.images import coarse_grid

Grid = NDArray[np.float32]
Mask = NDArray[np.bool_]
Split = tuple[float, float]
"""Otsu's threshold, and how well it separates."""

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
    """Return the exposed field: its rows and columns, without black padding and white frames.

    Digitized films are laid on black to a common size, and scanned with a lightbox's white rim.
    Lines at the border of which 97 % are padding, or have the image's lowest value, are no part of
    it; nor are those of which 97 % are white, up to a quarter of the image at each side.

    Parameters
    ----------
    values
        (r, c) float32 grey levels, larger = brighter.
    valid
        (r, c) bool: False where the file says that a pixel is padding.

    Returns
    -------
    rows, columns : slice
        All of them where no line is left.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import background
    >>> film = np.full((40, 30), 90, dtype=np.float32)
    >>> film[:, :6] = 0  # black padding at the left
    >>> film[37:] = 255  # a white frame below
    >>> background.field(film, np.ones(film.shape, dtype=bool))
    (slice(0, 37, None), slice(6, 30, None))
    """
    known = values if valid.all() else values[valid]
    lowest, highest = (float(f(known)) if known.size else 0.0 for f in (np.min, np.max))
    empty = ~valid | (values == lowest)
    white = valid & (values >= lowest + _WHITE * (highest - lowest)) & (highest > lowest)
    rows, columns = (slice(0, side) for side in values.shape)
    # A frame may lie within padding, and a black gap within the frame.
    for outside, most in ((empty, 1.0), (white, _WIDEST_FRAME), (empty, 1.0)):
        columns = _without_border(outside[rows, columns], 0, columns, most)
        rows = _without_border(outside[rows, columns], 1, rows, most)
    return rows, columns


def _without_border(outside: Mask, axis: int, lines: slice, most: float) -> slice:
    """Return `lines` from the first to the last that is not outside by its share of cells."""
    ends = outside if axis == 0 else outside.T
    if lines.stop > lines.start and all(ends[:, end].mean() < _EMPTY for end in (0, -1)):
        return lines
    share = outside.view(np.uint8).sum(axis=axis, dtype=np.uint32) / outside.shape[axis]
    inside = np.flatnonzero(share < _EMPTY)
    if not inside.size:
        return lines
    first, last = int(inside[0]), share.size - 1 - int(inside[-1])
    return slice(
        lines.start + (first if first <= most * share.size else 0),
        lines.stop - (last if last <= most * share.size else 0),
    )


def blacked_out(values: Grid, around: tuple[Grid, Grid]) -> Mask:
    """Return the rectangles of exactly the lowest value: a name made black, a collimator.

    Air of one value around a breast has a round side; a rectangle says nothing about air.

    Parameters
    ----------
    values
        (r, c) float32 grey levels.
    around
        Their `coarse_grid.extremes`.

    Returns
    -------
    numpy.ndarray
        (r, c) bool.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import background, coarse_grid
    >>> film = np.random.default_rng(0).normal(60, 5, (40, 30)).astype(np.float32)
    >>> film[5:15, 10:25] = 0  # 150 cells made black
    >>> found = background.blacked_out(film, coarse_grid.extremes(film))
    >>> int(found.sum()), coarse_grid.bounding_box(found)
    (150, (slice(5, 15, None), slice(10, 25, None)))
    """
    lowest = values.min()
    # Shrunk by a cell, so that noise of many dots is nothing to go through.
    within = around[1] == lowest
    somewhere = coarse_grid.bounding_box(within)
    labels, count = coarse_grid.components(within[somewhere])
    if not count:
        return np.zeros_like(within)
    rectangle = np.zeros(count + 1, dtype=bool)
    # One alone fills the box that all of them are in.
    boxes = ndimage.find_objects(labels) if count > 1 else [np.s_[:, :]]
    for number, box in enumerate(boxes, 1):
        part = labels[box] == number
        rectangle[number] = part.size >= _SMALLEST_RECTANGLE and part.mean() > _EMPTY
    if not rectangle.any():
        return np.zeros_like(within)
    found = np.zeros_like(within)
    found[somewhere] = rectangle[labels]
    return np.asarray(ndimage.maximum_filter(found, 3) & (values == lowest))


def foreground(
    values: Grid, valid: Mask, around: tuple[Grid, Grid], flags: list[str]
) -> tuple[Mask, Mask]:
    """Return the foreground, brighter than the image's air, and its sharp edges to the dark.

    All that is valid is foreground where there is no air. Labels have sharp edges; the rim of a
    breast seldom has.

    Parameters
    ----------
    values, valid
        (r, c) float32 grey levels, and bool, which of them say something.
    around
        The `coarse_grid.extremes` of `values`.
    flags
        `NOT_FOUND` is added to it where there is no air.

    Returns
    -------
    bright, sharp : numpy.ndarray
        (r, c) bool.

    References
    ----------
    The threshold between air and tissue: N. Otsu, IEEE Trans. Syst. Man Cybern. 9 (1979) 62-66,
    taken again within the dark class as long as that parts two clear ones.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import background, coarse_grid
    >>> y, x = np.mgrid[:80, :60]
    >>> film = np.where(np.hypot(x, y - 40) < 30, 150, 20)  # a half disk of radius 30 in air
    >>> film = (film + np.random.default_rng(0).normal(0, 2, film.shape)).astype(np.float32)
    >>> around, valid = coarse_grid.extremes(film), np.ones(film.shape, dtype=bool)
    >>> bright, sharp = background.foreground(film, valid, around, [])
    >>> bright[40, [0, 20, 40, 59]], bool(sharp[40, 29]), bool(sharp[40, 20])
    (array([ True,  True, False, False]), True, False)
    """
    nothing = np.zeros_like(valid)
    filled = values if valid.all() else np.where(valid, values, values[valid].min(initial=0))
    smooth = ndimage.uniform_filter(filled, 3)
    known = smooth[valid]
    if known.size == 0 or known.min() == known.max():
        flags.append(NOT_FOUND)
        return valid.copy(), nothing
    bright, split = _without_marker(known.astype(np.float64))
    # Of single precision still, as all of them are.
    lowest, (top,) = float(known.min()), coarse_grid.percentiles(bright.astype(known.dtype), (99,))
    least = lowest + _FEW * (top - lowest)
    level = _lowest_split(bright, split, least)
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
    found = valid & (np.minimum(smooth, values) > threshold)
    darkest, brightest = around
    dark, white = (air + part * (top - air) for part in _SHARP)
    return found, found & (darkest < dark[:, None]) & (brightest > white[:, None])


def _air(
    values: Grid, smooth: Grid, dark: Mask, *, flat: float
) -> tuple[NDArray[np.float64], float]:
    """Return the grey level of air in each row, and the standard deviation of a cell's noise.

    Air on film is grey where stray light reached it and black by the scanner's limit elsewhere,
    which changes from top to bottom; black rectangles and strips may stand in it. Where smoothed
    values change by more than `flat` from cell to cell, tissue begins.
    """
    lowest, highest = coarse_grid.extremes(smooth)
    change = highest - lowest
    level = dark & (change <= flat)
    if not level.any():
        level = dark
    grey = level & (change > 0)
    of_bands = _air_levels(smooth, level, grey)
    known = np.flatnonzero(~np.isnan(of_bands))
    if known.size:
        every = np.interp(np.arange(of_bands.size), known, of_bands[known])
    else:
        every = np.full(of_bands.size, np.median(smooth[level]))
    every = ndimage.median_filter(every, 3, mode="nearest")
    middles = np.arange(of_bands.size) * _BAND + (_BAND - 1) / 2
    air = np.interp(np.arange(len(smooth)), middles, every)
    apart = np.abs(values[grey] - smooth[grey])
    # 1.48 makes a standard deviation of a median; the mean of nine cells holds the cell itself.
    noise = 1.48 * float(np.median(apart)) / np.sqrt(8 / 9) if apart.size else 0.0
    return air, float(noise)


def _air_levels(smooth: Grid, level: Mask, grey: Mask) -> NDArray[np.float64]:
    """Return the level of air in each few rows; NaN where they hold too little of it.

    Cells that are exactly alike are black by the scanner's limit or made black, and say nothing
    about the others: `grey` is `level` without them. A low quantile, since the rim of the breast is
    brighter than air.
    """
    rows, columns = smooth.shape
    first = np.arange(0, rows, _BAND)
    sizes = columns * np.minimum(_BAND, rows - first)
    of_grey, of_level = (_by_band(smooth, mask, first) for mask in (grey, level))
    found = np.full(first.size, np.nan)
    for band, size in enumerate(sizes.tolist()):
        air = of_grey[band] if of_grey[band].size >= _GREY_SHARE * size else of_level[band]
        if air.size >= max(_AIR_SHARE * size, 1):
            found[band] = np.sort(air)[int(_AIR_QUANTILE * (air.size - 1))]
    return found


def _by_band(values: Grid, mask: Mask, first: NDArray[np.intp]) -> list[Grid]:
    """Return the values in `mask` from each first row to the next, picked all at once."""
    picked, counts = values[mask], np.add.reduceat(np.count_nonzero(mask, axis=1), first)
    ends = np.cumsum(counts).tolist()
    return [picked[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def _without_marker(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], Split]:
    """Return the values but for a few very bright ones, as a marker or an implant has; their split.

    They are no second class of the picture.
    """
    while True:
        split = _otsu(values)
        dark = values <= split[0]
        others = dark.size - np.count_nonzero(dark)
        if others == 0 or others / dark.size > _FEW:
            return values, split
        values = values[dark]


def _lowest_split(values: NDArray[np.float64], split: Split, least: float) -> float | None:
    """Return the lowest level that parts two clear classes, None when there is none.

    Otsu's first threshold, given as `split`, may part dense tissue from fat and air together; the
    dark class is therefore split again, as long as either split is a clear one. Below `least`, what
    is parted is grey air and black air.
    """
    found = None
    for turn in range(4):
        level, separation = _otsu(values) if turn else split
        darker = values[values <= level]
        if darker.size < max(_FEW * values.size, 2):
            break
        if separation >= _TWO_CLASSES:
            found = max(level, least)
        if level < least:
            break
        values = darker
    return found


def _otsu(values: NDArray[np.float64], bins: int = 256) -> Split:
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
    places = values - lowest
    places *= bins / (highest - lowest)
    counts = np.bincount(places.astype(np.intp), minlength=bins + 1)
    # The highest value has a bin of its own by this.
    counts[bins - 1] += counts[bins]
    counts = counts[:bins]
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
