"""Which peaks lie on a line far longer than a calcification: a vessel, a fiber, a scratch."""

import numpy as np
from scipy import ndimage

from microcalc.features.calcification_bands import Floats, Integers, Mask

LENGTH_MM = 5.0
"""Least length of such a line; calcifications, branching ones too, are hardly longer than 3 mm."""

_ALONG_MM = np.arange(0.2, 5.01, 0.2)
_DIRECTIONS = 64
_BEND = 2
_ASIDE_MM, _FLANK_MM = 0.15, 0.7
_BRIGHT, _FLANK = 0.4, 0.5
_GAPS = 0.2
_SEEN_MM = 3.0
_AT_A_TIME = 256


def on_line(
    over: Floats,
    rows: Integers,
    columns: Integers,
    top: Floats,
    spacing_mm: tuple[float, float],
) -> Mask:
    """Tell which peaks lie on a narrow line of at least `LENGTH_MM`.

    From a peak, rays go out in all directions. A ray is on the line as far as four fifths of it are
    at least 0.4 times as bright as the peak, 0.15 mm to either side allowed, and twice as bright as
    0.7 mm aside. Two opposite rays, which may bend by 11 degrees, make the line. What of them lies
    beyond the window speaks neither for a line nor against one, but 3 mm must be seen.

    Parameters
    ----------
    over
        Gray values over the background.
    rows, columns
        Of the peaks, in `over`.
    top
        Gray value of each peak over the background.
    spacing_mm
        From a row to the next, from a column to the next, in mm.
    """
    size = [2 * int(_ASIDE_MM / side + 1e-9) + 1 for side in spacing_mm]
    bright = ndimage.maximum_filter(over, size)
    found = [np.zeros(0, dtype=bool)]
    for start in range(0, len(rows), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        peaks = (rows[part], columns[part])
        found.append(_longest(over, bright, peaks, top[part], spacing_mm) >= LENGTH_MM - 1e-9)
    return np.concatenate(found)


def _longest(
    over: Floats,
    bright: Floats,
    peaks: tuple[Integers, Integers],
    top: Floats,
    spacing_mm: tuple[float, float],
) -> Floats:
    """Return the length of the longest line through each peak, mm."""
    angle = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    ahead = np.stack([np.sin(angle), np.cos(angle)])[:, :, None] * _ALONG_MM
    aside = np.stack([np.cos(angle), -np.sin(angle)])[:, :, None] * _FLANK_MM

    def at(image: Floats, way: Floats) -> tuple[Floats, Mask]:
        row, column = (
            peak[:, None, None] + np.rint(part / side).astype(np.int64)
            for peak, part, side in zip(peaks, way, spacing_mm, strict=True)
        )
        known = (row >= 0) & (row < image.shape[0]) & (column >= 0) & (column < image.shape[1])
        return image.ravel()[np.where(known, row * image.shape[1] + column, 0)], known

    here, known = at(bright, ahead)
    hit = known & (here >= _BRIGHT * top[:, None, None])
    for side in (ahead + aside, ahead - aside):
        hit &= at(over, side)[0] <= _FLANK * here
    seen = known.cumsum(axis=-1)
    whole = hit.cumsum(axis=-1) >= (1 - _GAPS) * seen
    # How many samples the longest ray has whose hits suffice; 0 where none do.
    steps = np.where(whole, np.arange(1, len(_ALONG_MM) + 1), 0).max(axis=-1)
    step = _ALONG_MM[1] - _ALONG_MM[0]
    run = steps * step
    visible = np.take_along_axis(seen, np.maximum(steps - 1, 0)[..., None], -1)[..., 0] * step
    visible = np.minimum(visible, run)
    longest = np.zeros(len(top))
    for bend in range(-_BEND, _BEND + 1):
        opposite = (np.arange(_DIRECTIONS) + _DIRECTIONS // 2 + bend) % _DIRECTIONS
        enough = visible + visible[:, opposite] >= _SEEN_MM - 1e-9
        both = np.where(enough, run + run[:, opposite], 0.0)
        longest = np.maximum(longest, both.max(axis=-1))
    return longest
