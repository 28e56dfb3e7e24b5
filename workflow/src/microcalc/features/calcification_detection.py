"""Single calcifications of a region, found and outlined at the spacing of the pixels.

Bright blobs are found where a difference of Gaussians, which stands for the Laplacian of a Gaussian,
exceeds its own local noise at one of three scales, as Netsch and Peitgen (1999, IEEE Trans Med
Imaging 18: 774-784) and, for spots in general, Lindeberg (1998, Int J Comput Vis 30: 79-116) do. The
threshold is local and counts in noise, so that it holds at any gray scale and dose (Karssemeijer
1993, Int J Pattern Recogn Artif Intell 7: 1357-1376). Each blob is cut from its neighbors along the
valleys between them (Vincent and Soille 1991, IEEE Trans Pattern Anal Mach Intell 13: 583-598; dips
that are shallow for the lower peak do not count) and outlined where it falls to a fixed part of its
contrast. What lies on a line that goes on at both sides is no calcification but a vessel, a fibre or a
scratch (oriented profiles, as in Zwiggelaar, Astley, Boggis and Taylor 2004, IEEE Trans Med Imaging
23: 1077-1086).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import contourpy
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from microcalc.images.region_image import RegionImage

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]

THRESHOLD = 6.0
"""Least score of a calcification: difference of Gaussians over its local noise."""
LEVEL = 0.40
"""Where an outline runs, as a part of the way from the background to the brightest pixel."""
FINEST_MM = 0.06
"""SD of the finest Gaussian, at least half a pixel; each further one is twice as wide."""
SKIN_MM = 2.0
"""Nothing is counted so near to where the breast ends: skin 1.5 mm thick, and its mask's error."""
WINDOW_MM = 0.3
"""Nothing is counted so near to the window's edge: what is cut off there has no size."""

_COARSE_MM = 0.24
_BLOCK_MM = 1.4
_BLOCKS_AROUND = 5
_QUIET = 50
_BACKGROUND_MM = 0.5
_CANDIDATE = 2.0
_LEAST_SCORE = 3.5
_DIP, _DIP_NOISE = 0.25, 2.0
_LINE_MM = np.arange(0.2, 5.01, 0.2)
_DIRECTIONS = 64
_ON_LINE, _GAPS, _FLANK, _BEND = 0.4, 0.2, 0.5, 2
_LINE_ASIDE_MM, _LINE_FLANK_MM = 0.15, 0.7
_LINE_LENGTH_MM, _LINE_SEEN_MM = 5.0, 3.0
_MAD = 0.6745
_PASSES = 2
_SHARPEN = 0.0
def _JOIN(found): return ndimage.binary_dilation(found)
_ENOUGH = 0.25
_LEAST_NOISE = 0.5
_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, eq=False)
class Particle:
    """One calcification.

    Attributes
    ----------
    outlines
        Polygons (m, 2) of row and column, the last corner beside the first; centers of pixels lie
        at whole numbers. Those around holes run the other way; parts that are less than two
        pixels apart are one calcification.
    peak
        Row and column of the brightest pixel.
    score
        How far it stands out, in local noise at the scale that shows it best.
    contrast
        Gray value over the local background, mean of the outlined pixels.
    noise
        SD of the finest difference of Gaussians around it, in gray values.
    gray
        Gray value, mean of the outlined pixels.
    """

    outlines: tuple[npt.NDArray[np.float64], ...]
    peak: tuple[int, int]
    score: float
    contrast: float
    noise: float
    gray: float


def find(image: RegionImage, *, threshold: float = THRESHOLD) -> tuple[Particle, ...]:
    """Return the calcifications whose brightest pixel lies in the region.

    Parameters
    ----------
    image
        Of any gray scale, larger = brighter. Filters look 2 mm around a pixel: let the window
        have that margin around the region where the image has it. Pixels that are not finite
        count as outside the breast.
    threshold
        Least score, at least 3.5.

    Returns
    -------
    tuple of Particle
        By row, then column of the peak. None within `SKIN_MM` of the end of the breast or
        `WINDOW_MM` of the window's edge.
    """
    frame = _Frame.of(image)
    if frame is None:
        return ()
    bands = _bands(frame)
    background = _background(frame, bands)
    blobs = _blobs(frame, bands, background)
    chosen = [
        number
        for number in np.flatnonzero(blobs.score >= threshold)
        if frame.counts(blobs.peak[number])
    ]
    return tuple(_particles(frame, bands, blobs, chosen))


@dataclass(frozen=True, eq=False)
class _Frame:
    """The window in whole blocks: mirrored at its edges, its median gray value at 0."""

    image: RegionImage
    pixels: Floats
    inside: Floats | None  # 1 in the breast, 0 beside it; None where all is breast
    far_enough: Mask
    coarse: tuple[int, int]
    block: tuple[int, int]
    before: tuple[int, int]
    scale_mm: float
    middle: float

    @classmethod
    def of(cls, image: RegionImage) -> "_Frame | None":
        """Return the frame, None where there is no breast in the window."""
        inside = image.breast & np.isfinite(image.pixels)
        if not inside.any():
            return None
        coarse, block, before = [], [], []
        for step, n in zip(image.spacing_mm, inside.shape, strict=True):
            # Odd numbers alone let the blocks lie alike from either side, so that a turned image
            # gives the same numbers.
            q = _largest_odd(_COARSE_MM / step)
            b = q * max(3, _largest_odd(_BLOCK_MM / (step * q)))
            coarse.append(q)
            block.append(b)
            before.append(next(a for a in range(b) if (n + 2 * a) % b == 0))
        middle = float(np.median(image.pixels[inside]))
        pads = [(a, a) for a in before]
        pixels = np.where(inside, image.pixels - np.float32(middle), np.float32(0))
        whole = bool(inside.all())
        return cls(
            image=image,
            pixels=np.pad(pixels, pads, "symmetric"),
            inside=None if whole else np.pad(inside.astype(np.float32), pads, "symmetric"),
            far_enough=_far_enough(inside, whole, image.spacing_mm),
            coarse=(coarse[0], coarse[1]),
            block=(block[0], block[1]),
            before=(before[0], before[1]),
            scale_mm=max(FINEST_MM, 0.5 * max(image.spacing_mm)),
            middle=middle,
        )

    def counts(self, peak: Integers) -> bool:
        """Tell whether a peak, in the frame's rows and columns, may be a calcification's."""
        row, column = peak - self.before
        rows, columns = self.far_enough.shape
        if not (0 <= row < rows and 0 <= column < columns):
            return False
        return bool(self.far_enough[row, column] and self.image.region[row, column])


def _largest_odd(limit: float) -> int:
    """Return the largest odd number that is not above a limit, at least 1."""
    return max(1, 2 * int((limit + 1) / 2 + 1e-9) - 1)


def _far_enough(inside: Mask, whole: bool, spacing_mm: tuple[float, float]) -> Mask:
    far = np.zeros_like(inside)
    rows, columns = (math.ceil(WINDOW_MM / step) for step in spacing_mm)
    far[rows:-rows, columns:-columns] = True
    if not whole:
        far &= ndimage.distance_transform_edt(inside, sampling=spacing_mm) >= SKIN_MM
    return far


@dataclass(frozen=True, eq=False)
class _Band:
    """One difference of Gaussians: every `step`-th pixel, and its noise per block."""

    values: Floats
    noise: Floats
    step: tuple[int, int]


@dataclass(frozen=True, eq=False)
class _Bands:
    fine: Floats
    coarse: Floats
    coarse_inside: Floats | None
    bands: tuple[_Band, ...]


def _bands(frame: _Frame) -> _Bands:
    fine = _smooth(frame.pixels, frame.inside, _sigma(frame, 0.0, 1.0))
    middle = _smooth(fine, frame.inside, _sigma(frame, 1.0, 2.0))
    wide = _smooth(middle, frame.inside, _sigma(frame, 2.0, 4.0))
    coarse_inside = None if frame.inside is None else _mean(frame.inside, frame.coarse)
    coarse = _coarser(wide, frame.inside, frame.coarse)
    widest = _smooth(coarse, coarse_inside, _sigma(frame, 4.0, 8.0, frame.coarse))
    one = (1, 1)
    bands = (
        _band(frame, fine - middle, frame.inside, one),
        _band(frame, middle - wide, frame.inside, one),
        _band(frame, coarse - widest, coarse_inside, frame.coarse),
    )
    return _Bands(fine, _coarser(fine, frame.inside, frame.coarse), coarse_inside, bands)


def _sigma(
    frame: _Frame, narrow: float, wide: float, step: tuple[int, int] = (1, 1)
) -> tuple[float, float]:
    """Return the SD, in pixels, of the Gaussian that makes a narrow one wide."""
    sigma = frame.scale_mm * math.sqrt(wide**2 - narrow**2)
    rows, columns = (
        sigma / (side * q) for side, q in zip(frame.image.spacing_mm, step, strict=True)
    )
    return rows, columns


def _smooth(values: Floats, inside: Floats | None, sigma: tuple[float, float]) -> Floats:
    """Return the Gaussian mean of the pixels that are inside."""
    if inside is None:
        return np.asarray(ndimage.gaussian_filter(values, sigma, truncate=3.0))
    over = ndimage.gaussian_filter(values * inside, sigma, truncate=3.0)
    weight = ndimage.gaussian_filter(inside, sigma, truncate=3.0)
    return np.asarray(over / np.maximum(weight, np.float32(1e-3)))


def _mean(values: Floats, step: tuple[int, int]) -> Floats:
    return np.asarray(_blocks(values, step).mean(axis=(1, 3)))


def _blocks(values: Floats, step: tuple[int, int]) -> Floats:
    rows, columns = (n // q for n, q in zip(values.shape, step, strict=True))
    return values.reshape(rows, step[0], columns, step[1])


def _coarser(values: Floats, inside: Floats | None, step: tuple[int, int]) -> Floats:
    if inside is None:
        return _mean(values, step)
    return np.asarray(
        _mean(values * inside, step) / np.maximum(_mean(inside, step), np.float32(1e-3))
    )


def _band(frame: _Frame, values: Floats, inside: Floats | None, step: tuple[int, int]) -> _Band:
    """Return a band with its noise: of what does not stand out, as calcifications do.

    A block's is the median absolute value, over that of the standard normal distribution, and
    then the median of the blocks around; once more, without what exceeds three times that. Nowhere
    is it held to be less than half of the region's, as where a film is saturated.
    """
    size = np.abs(values)
    if inside is not None:
        size[inside < 0.99] = np.inf
    least = 1e-5 * float(np.ptp(frame.pixels)) or 1.0
    noise = _noise(frame, size, step, least)
    for _ in range(_PASSES):
        out = _above(frame, _Band(size, noise, step), 3.0)
        size[ndimage.binary_dilation(out, _EIGHT)] = np.inf
        noise = _noise(frame, size, step, least)
    return _Band(values, noise, step)


def _noise(frame: _Frame, size: Floats, step: tuple[int, int], least: float) -> Floats:
    block = (frame.block[0] // step[0], frame.block[1] // step[1])
    shape = (size.shape[0] // block[0], size.shape[1] // block[1])
    cells = _blocks(size, block).swapaxes(1, 2).reshape(shape[0] * shape[1], -1)
    known = np.isfinite(cells).sum(axis=1)
    middle = np.sort(cells, axis=1)[np.arange(len(cells)), np.maximum(known - 1, 0) // 2]
    enough = known >= _ENOUGH * cells.shape[1]
    typical = float(np.median(middle[enough])) if enough.any() else 0.0
    noise = np.where(enough, middle, typical).reshape(shape)
    noise = ndimage.percentile_filter(noise, _QUIET, _BLOCKS_AROUND, mode="nearest")
    return np.maximum(noise, max(_LEAST_NOISE * typical, least)) / _MAD


def _background(frame: _Frame, bands: _Bands) -> Floats:
    """Return the gray value without what stands out, on the coarse grid."""
    marked = np.zeros(bands.coarse.shape, dtype=bool)
    for band in bands.bands:
        found = _above(frame, band, 3.0)
        marked |= found if band.step == frame.coarse else _blocks(found, frame.coarse).any((1, 3))
    marked = ndimage.binary_dilation(marked, _EIGHT)
    weight = (~marked).astype(np.float32)
    if bands.coarse_inside is not None:
        weight *= bands.coarse_inside
    total, share = np.zeros_like(bands.coarse), np.zeros_like(bands.coarse)
    # Where all within reach stands out, the wider surroundings tell.
    for reach, trust in ((1.0, 1.0), (4.0, 1e-2)):
        sigma = [
            reach * max(_BACKGROUND_MM / (side * q), 1.0)
            for side, q in zip(frame.image.spacing_mm, frame.coarse, strict=True)
        ]
        total += trust * ndimage.gaussian_filter(bands.coarse * weight, sigma, truncate=3.0)
        share += trust * ndimage.gaussian_filter(weight, sigma, truncate=3.0)
    return np.asarray(total / np.maximum(share, np.float32(1e-6)))


def _above(frame: _Frame, band: _Band, limit: float) -> Mask:
    block = (frame.block[0] // band.step[0], frame.block[1] // band.step[1])
    noise = (limit * band.noise).astype(np.float32)
    return np.asarray((_blocks(band.values, block) > noise[:, None, :, None])).reshape(
        band.values.shape
    )


@dataclass(frozen=True, eq=False)
class _Blobs:
    """What is outlined: each pixel's blob, from 1, and of each blob peak (count, 2), contrast, score.

    `share` is a pixel's contrast as a part of its peak's, in the valleys around too.
    """

    label: Integers
    peak: Integers
    top: Floats
    score: Floats
    contrast: Floats
    share: Floats


def _blobs(frame: _Frame, bands: _Bands, background: Floats) -> _Blobs:
    mask = _candidates(frame, bands)
    shape = mask.shape
    at = np.flatnonzero(mask)
    rows, columns = np.divmod(at, shape[1])
    over = bands.fine[rows, columns] - _sampled(background, frame, rows, columns)
    over = over + _SHARPEN * bands.bands[0].values[rows, columns]
    noise = _noise_at(frame, bands.bands[0], rows, columns)
    place = np.full(mask.size, -1, dtype=np.int64)
    place[at] = np.arange(len(at))
    beside = np.array([0, -shape[1], -1, 1, shape[1], -shape[1] - 1, 1 - shape[1], shape[1] - 1,
                       shape[1] + 1])  # fmt: skip
    neighbors = place[at[:, None] + beside]
    root = _merged(_uphill(over, neighbors), over, noise, neighbors)
    top = over[root]
    share = np.where(top > 0, over / np.maximum(top, 1e-30), 0.0)
    peaks, of_peak = np.unique(root, return_inverse=True)
    flat = background.repeat(frame.coarse[0], 0).repeat(frame.coarse[1], 1)
    line = _on_line(frame, bands.fine - flat, rows[peaks], columns[peaks], over[peaks])
    share[line[of_peak]] = 0
    outlined = np.flatnonzero(share >= LEVEL)
    contrast, shares = (np.zeros(shape, dtype=np.float32) for _ in range(2))
    contrast.flat[at], shares.flat[at] = over, share
    found = np.zeros(shape, dtype=bool)
    found.flat[at[outlined]] = True
    label, count = ndimage.label(_JOIN(found), _EIGHT)
    label[~found] = 0
    number = label.flat[at[outlined]] - 1
    order = outlined[np.lexsort((outlined, -over[outlined], number))]
    first = np.searchsorted(np.sort(number), np.arange(count))
    tops = order[first]
    best = np.full(count, -np.inf)
    score = bands.bands[0].values[rows[outlined], columns[outlined]] / noise[outlined]
    np.maximum.at(best, number, score)
    peak = np.column_stack([rows[tops], columns[tops]])
    return _Blobs(label, peak, over[tops], best, contrast, shares)


def _candidates(frame: _Frame, bands: _Bands) -> Mask:
    """Return the pixels that stand out at any scale, of groups that stand out clearly."""

    def marked(limit: float) -> Mask:
        found = np.zeros(frame.pixels.shape, dtype=bool)
        for band in bands.bands:
            above = _above(frame, band, limit)
            if band.step != (1, 1):
                above = above.repeat(band.step[0], 0).repeat(band.step[1], 1)
            found |= above
        return found

    seeds = _above(frame, bands.bands[0], _LEAST_SCORE)
    mask = ndimage.binary_propagation(seeds, _EIGHT, mask=marked(_CANDIDATE))
    mask = ndimage.binary_dilation(mask, _EIGHT)
    mask[[0, -1]] = mask[:, [0, -1]] = False
    return np.asarray(mask)


def _sampled(coarse: Floats, frame: _Frame, rows: Floats, columns: Floats) -> Floats:
    """Return a coarse map, linear in between, at the frame's rows and columns."""
    at = [(place - (q - 1) / 2) / q for place, q in zip((rows, columns), frame.coarse, strict=True)]
    return np.asarray(ndimage.map_coordinates(coarse, at, order=1, mode="nearest"))


def _noise_at(frame: _Frame, band: _Band, rows: Integers, columns: Integers) -> Floats:
    return np.asarray(band.noise[rows // frame.block[0], columns // frame.block[1]])


def _uphill(over: Floats, neighbors: Integers) -> Integers:
    """Return the peak that each pixel's steepest way up leads to, pixels counted in `over`."""
    heights = np.append(over, -np.inf)
    best = heights[neighbors].argmax(axis=1)
    to = neighbors[np.arange(len(neighbors)), best]
    while (to[to] != to).any():
        to = to[to]
    return to


def _merged(peaks: Integers, over: Floats, noise: Floats, neighbors: Integers) -> Integers:
    """Return each pixel's peak, once peaks with a shallow dip between them are one."""
    parent = {int(peak): int(peak) for peak in np.unique(peaks)}

    def root(peak: int) -> int:
        while parent[peak] != peak:
            parent[peak] = peak = parent[parent[peak]]
        return peak

    for saddle, one, other in _saddles(peaks, over, neighbors):
        low, high = sorted((root(one), root(other)), key=lambda peak: (over[peak], -peak))
        shallow = over[low] - saddle <= max(_DIP * over[low], _DIP_NOISE * noise[low])
        # Else the outline of the higher would leave the lower out.
        if low != high and shallow and saddle >= LEVEL * over[high]:
            parent[low] = high
    return np.array([root(int(peak)) for peak in peaks], dtype=np.int64)


def _saddles(
    peaks: Integers, over: Floats, neighbors: Integers
) -> list[tuple[float, int, int]]:
    """Return the highest ways between neighboring peaks, highest first."""
    here = np.repeat(np.arange(len(peaks)), 4)
    there = neighbors[:, [3, 4, 7, 8]].ravel()
    touching = (there >= 0) & (peaks[here] != peaks[there])
    here, there = here[touching], there[touching]
    height = np.minimum(over[here], over[there])
    pairs = np.sort(np.column_stack([peaks[here], peaks[there]]), axis=1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -height))
    _, first = np.unique(pairs[order], axis=0, return_index=True)
    return [
        (float(height[k]), int(pairs[k, 0]), int(pairs[k, 1])) for k in order[np.sort(first)]
    ]


def _on_line(
    frame: _Frame, over: Floats, rows: Integers, columns: Integers, top: Floats
) -> Mask:
    """Tell which peaks lie on a narrow line that is far longer than a calcification.

    From a peak, rays go out in all directions. A ray is on the line as far as most of it is bright,
    a little to either side allowed, and darker farther aside. What of it leaves the window neither
    speaks for a line nor against one.
    """
    size = [2 * round(_LINE_ASIDE_MM / side) + 1 for side in frame.image.spacing_mm]
    bright = ndimage.maximum_filter(over, size)
    angle = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    out = np.stack([np.sin(angle), np.cos(angle)])[:, :, None] * _LINE_MM
    aside = np.stack([np.cos(angle), -np.sin(angle)])[:, :, None] * _LINE_FLANK_MM

    def at(image: Floats, way: Floats) -> tuple[Floats, Mask]:
        row, column = (
            peak[:, None, None] + np.rint(part / side).astype(np.int64)
            for peak, part, side in zip((rows, columns), way, frame.image.spacing_mm, strict=True)
        )
        known = (row >= 0) & (row < image.shape[0]) & (column >= 0) & (column < image.shape[1])
        place = np.where(known, row * image.shape[1] + column, 0)
        return image.ravel()[place], known

    here, known = at(bright, out)
    darker = np.ones_like(known)
    for side in (out + aside, out - aside):
        flank, _ = at(over, side)
        darker &= flank <= _FLANK * here
    hit = (here >= _ON_LINE * top[:, None, None]) & darker & known
    seen = known.cumsum(axis=-1)
    whole = hit.cumsum(axis=-1) >= (1 - _GAPS) * seen
    last = whole.shape[-1] - 1 - whole[..., ::-1].argmax(axis=-1)
    last = np.where(whole.any(axis=-1), last, 0)
    run = _LINE_MM[last] * whole.any(axis=-1)
    in_window = np.take_along_axis(seen, last[..., None], -1)[..., 0] * (_LINE_MM[1] - _LINE_MM[0])
    in_window = np.minimum(in_window, run)
    longest = np.zeros(len(rows))
    seen_too = np.zeros(len(rows))
    for bend in range(-_BEND, _BEND + 1):
        opposite = (np.arange(_DIRECTIONS) + _DIRECTIONS // 2 + bend) % _DIRECTIONS
        both = run + run[:, opposite]
        inside = in_window + in_window[:, opposite]
        value = np.where(inside >= _LINE_SEEN_MM, both, 0.0).max(axis=-1)
        longest = np.maximum(longest, value)
    return longest >= _LINE_LENGTH_MM


def _particles(frame: _Frame, bands: _Bands, blobs: _Blobs, kept: Sequence[int]) -> list[Particle]:
    boxes = ndimage.find_objects(blobs.label)
    found = []
    for number in kept:
        box = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in boxes[number])
        label = blobs.label[box]
        own = label == number + 1
        # Other blobs' shares count from other peaks.
        share = np.where(own | (label == 0), blobs.share[box], 0)
        lines = contourpy.contour_generator(z=share).lines(LEVEL)
        corner = [side.start - a for side, a in zip(box, frame.before, strict=True)]
        noise = _noise_at(frame, bands.bands[0], *blobs.peak[number])
        row, column = (int(n) for n in blobs.peak[number] - frame.before)
        found.append(
            Particle(
                outlines=tuple(line[:-1, ::-1] + corner for line in lines),
                peak=(row, column),
                score=float(blobs.score[number]),
                contrast=float(blobs.contrast[box][own].mean()),
                noise=float(noise),
                gray=float(frame.pixels[box][own].mean()) + frame.middle,
            )
        )
    return found
