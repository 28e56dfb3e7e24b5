"""Bright blobs cut from one another along the valleys between them, and outlined."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from microcalc.features import calcification_bands
from microcalc.features.calcification_bands import (
    EIGHT,
    Band,
    Bands,
    Floats,
    Frame,
    Integers,
    Mask,
    grown,
)
from microcalc.features.calcification_lines import on_line

LEAST_SCORE = 3.5
"""Least score of a blob: its best value in the finest band over the noise there."""
LEVEL = 0.3
"""Where an outline runs, as a part of the way from the background to the blob's peak."""

_CANDIDATE = 2.0
_SHARPENED = 1.0
_DIP, _DIP_NOISE = 0.25, 2.0
_JOINED_MM = 0.2
_EDGES = (1.5, 5.0, 6.0)


@dataclass(frozen=True, eq=False)
class Blobs:
    """What is outlined in a frame.

    Attributes
    ----------
    label
        Each pixel's blob, from 1; 0 outside.
    peak
        (count, 2) row and column of the brightest pixel.
    score
        (count,) best value in the finest band, over its noise.
    over
        Gray values over the background, sharpened; 0 where nothing stands out.
    share
        The same as a part of the peak that a pixel belongs to; `LEVEL` is the outline.
    """

    label: Integers
    peak: Integers
    score: Floats
    over: Floats
    share: Floats


def blobs(of: Frame, found: Bands) -> Blobs:
    """Return the blobs of a frame; parts less than two pixels, and 0.2 mm, apart are one."""
    mask = _candidates(of, found)
    at = np.flatnonzero(mask)
    rows, columns = np.divmod(at, mask.shape[1])
    finest = found.bands[0]
    # What the finest Gaussian took away, and some of the detector's blur, is given back.
    value = found.smooth[rows, columns] + _SHARPENED * finest.values[rows, columns]
    value = value - calcification_bands.background_at(of, found, rows, columns)
    neighbors = _neighbors(at, mask.shape)
    summit = _merged(_uphill(value, neighbors), value, finest.noise_at(rows, columns), neighbors)
    share = np.where(value[summit] > 0, value / np.maximum(value[summit], 1e-30), 0.0)
    # Beyond the edges that all bands show, the outline of a faint blob would wander through tissue.
    beyond = ~_within_edges(found.bands, rows, columns)
    share[beyond] = np.minimum(share[beyond], 0.9 * LEVEL)

    # What stands out by noise alone beside a blob is not part of it.
    best = np.full(len(at), -np.inf)
    within = np.flatnonzero(share >= LEVEL)
    np.maximum.at(best, summit[within], finest.scores(rows[within], columns[within]))
    share[best[summit] < LEAST_SCORE] = 0.0
    share[_on_line(of, found, (rows, columns), value, np.where(share > 0, summit, -1))] = 0.0

    over, shares = (np.zeros(mask.shape, dtype=np.float32) for _ in range(2))
    over.flat[at], shares.flat[at] = value, share
    outlined = np.flatnonzero(share >= LEVEL)
    inside = np.zeros(mask.shape, dtype=bool)
    inside.flat[at[outlined]] = True
    joined = grown(inside, corners=False) if _close(of) else inside
    label, count = ndimage.label(joined, EIGHT)
    label[~inside] = 0
    number = label.flat[at[outlined]] - 1
    order = np.lexsort((outlined, -value[outlined], number))
    peaks = outlined[order[np.searchsorted(number[order], np.arange(count))]]
    score = np.full(count, -np.inf)
    np.maximum.at(score, number, finest.scores(rows[outlined], columns[outlined]))
    return Blobs(label, np.column_stack([rows[peaks], columns[peaks]]), score, over, shares)


def _close(of: Frame) -> bool:
    """Tell whether two pixels are too near each other for what lies so far apart to be two."""
    return 2 * max(of.image.spacing_mm) <= _JOINED_MM + 1e-9


def _candidates(of: Frame, found: Bands) -> Mask:
    """Return the pixels that stand out in any band, of groups that do clearly in the finest."""
    mask = np.zeros(of.pixels.shape, dtype=bool)
    for band in found.bands:
        above = band.above(_CANDIDATE)
        mask |= above.repeat(band.step[0], 0).repeat(band.step[1], 1)
    label, count = ndimage.label(mask, EIGHT)
    clear = np.zeros(count + 1, dtype=bool)
    clear[label[found.bands[0].above(LEAST_SCORE)]] = True
    clear[0] = False
    mask = grown(clear[label])
    mask[[0, -1]] = mask[:, [0, -1]] = False
    return np.asarray(mask)


def _neighbors(at: Integers, shape: tuple[int, ...]) -> Integers:
    """Return the places in `at` of each pixel and its eight neighbors, -1 for those not in it."""
    place = np.full(shape[0] * shape[1], -1, dtype=np.int64)
    place[at] = np.arange(len(at))
    row = shape[1]
    return np.asarray(
        place[at[:, None] + [0, -row - 1, -row, 1 - row, -1, 1, row - 1, row, row + 1]]
    )


def _uphill(value: Floats, neighbors: Integers) -> Integers:
    """Return the peak that each pixel's steepest way up leads to."""
    heights = np.append(value, -np.inf)
    to = neighbors[np.arange(len(neighbors)), heights[neighbors].argmax(axis=1)]
    while (to[to] != to).any():
        to = to[to]
    return np.asarray(to)


def _merged(summit: Integers, value: Floats, noise: Floats, neighbors: Integers) -> Integers:
    """Return each pixel's peak, once peaks with a shallow dip between them are one."""
    peaks, of_peak = np.unique(summit, return_inverse=True)
    parent = list(range(len(peaks)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = number = parent[parent[number]]
        return number

    top, shake = value[peaks], noise[peaks]
    for saddle, one, other in _saddles(of_peak, value, neighbors):
        low, high = sorted((root(one), root(other)), key=lambda k: (top[k], -k))
        shallow = top[low] - saddle <= max(_DIP * top[low], _DIP_NOISE * shake[low])
        # Else the outline of the higher would leave the lower out.
        if low != high and shallow and saddle >= LEVEL * top[high]:
            parent[low] = high
    roots = np.array([root(number) for number in range(len(peaks))], dtype=np.int64)
    return np.asarray(peaks[roots[of_peak]])


def _saddles(of_peak: Integers, value: Floats, neighbors: Integers) -> list[tuple[float, int, int]]:
    """Return the highest way between each two peaks that touch, highest first."""
    here = np.repeat(np.arange(len(of_peak)), 4)
    there = neighbors[:, 5:].ravel()
    touching = (there >= 0) & (of_peak[here] != of_peak[there])
    here, there = here[touching], there[touching]
    height = np.minimum(value[here], value[there])
    pairs = np.sort(np.column_stack([of_peak[here], of_peak[there]]), axis=1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -height))
    _, first = np.unique(pairs[order], axis=0, return_index=True)
    kept = order[np.sort(first)]
    return list(zip(height[kept].tolist(), *pairs[kept].T.tolist(), strict=True))


def _on_line(
    of: Frame,
    found: Bands,
    places: tuple[Integers, Integers],
    value: Floats,
    summit: Integers,
) -> Mask:
    """Tell which pixels belong to a peak on a line; -1 is none."""
    some = summit >= 0
    peaks, of_peak = np.unique(summit[some], return_inverse=True)
    behind = found.background.repeat(of.coarse[0], 0).repeat(of.coarse[1], 1)
    rows, columns = (place[peaks] for place in places)
    spacing_mm = of.image.spacing_mm
    lines = on_line(found.smooth - behind, rows, columns, value[peaks], spacing_mm)
    on_some = np.zeros(len(summit), dtype=bool)
    on_some[some] = lines[of_peak]
    return on_some


def _within_edges(bands: tuple[Band, ...], rows: Integers, columns: Integers) -> Mask:
    scores = [band.scores(rows, columns) for band in bands]
    least = zip(scores, _EDGES, strict=True)
    return np.asarray(np.logical_or.reduce([score > edge for score, edge in least]))
