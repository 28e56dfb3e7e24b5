"""Which peaks lie on a line far longer than a calcification: a vessel, a fiber, a scratch."""

import math

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
    beyond = [math.ceil((_ALONG_MM[-1] + _FLANK_MM) / side) for side in spacing_mm]
    wider = [(n, n) for n in beyond]
    # Not a number, beyond the window, is neither bright nor dark.
    bright = np.pad(ndimage.maximum_filter(over, size), wider, constant_values=np.nan)
    places = (rows + beyond[0]) * bright.shape[1] + columns + beyond[1]
    images = (bright.ravel(), np.pad(over, wider, constant_values=np.nan).ravel())
    ways = _ways(bright.shape[1], spacing_mm)
    found = [np.zeros(0, dtype=bool)]
    for start in range(0, len(rows), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        found.append(_longest(images, ways, places[part], top[part]) >= LENGTH_MM - 1e-9)
    return np.concatenate(found)


def _ways(width: int, spacing_mm: tuple[float, float]) -> tuple[Integers, Integers, Integers]:
    """Return how far a pixel is, in a flat image, along each ray, to its left and to its right."""
    angle = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    ahead = np.stack([np.sin(angle), np.cos(angle)])[:, :, None] * _ALONG_MM
    aside = np.stack([np.cos(angle), -np.sin(angle)])[:, :, None] * _FLANK_MM
    side = np.array(spacing_mm)[:, None, None]
    steps = (np.rint(way / side).astype(np.int64) for way in (ahead, ahead + aside, ahead - aside))
    on, left, right = (row * width + column for row, column in steps)
    return on, left, right


def _longest(
    images: tuple[Floats, Floats],
    ways: tuple[Integers, Integers, Integers],
    places: Integers,
    top: Floats,
) -> Floats:
    """Return the length of the longest line through each peak, mm."""
    bright, over = images
    here = bright[places[:, None, None] + ways[0]]
    known = ~np.isnan(here)
    hit = here >= _BRIGHT * top[:, None, None]
    for way in ways[1:]:
        hit &= ~(over[places[:, None, None] + way] > _FLANK * here)
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
