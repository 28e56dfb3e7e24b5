"""A region's window in bands of scale, each with its local noise, and the gray value behind it."""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from microcalc.images.region_image import RegionImage

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]
Step = tuple[int, int]

FINEST_MM = 0.06
"""SD of the finest Gaussian, at least half a pixel; each of the next three is twice as wide."""
MARKED = 3.0
"""What exceeds so many times the noise is left out of noise and background."""

EIGHT = np.ones((3, 3), dtype=bool)

_COARSE_MM = 0.24
_BLOCK_MM = 1.4
_BLOCKS_AROUND = 5
_PASSES = 2
_ENOUGH = 0.25
_LEAST_NOISE = 0.8
_BACKGROUND_MM = 0.5
_MAD = 0.6745
"""Median of the absolute value of the standard normal distribution."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A window, mirrored at its edges so that it is made of whole blocks.

    Attributes
    ----------
    pixels
        Gray values less `middle`, 0 outside the breast.
    inside
        1 in the breast, 0 outside; None where all of the window is breast.
    before
        Rows above and columns left of the window.
    coarse, block
        Rows and columns of a coarse pixel, and of the blocks that noise is told of.
    scale_mm
        SD of the finest Gaussian.
    """

    image: RegionImage
    pixels: Floats
    inside: Floats | None
    before: Step
    coarse: Step
    block: Step
    scale_mm: float
    middle: float


def frame(image: RegionImage) -> Frame | None:
    """Return the frame of a window; None where no breast is in it."""
    inside = image.breast & np.isfinite(image.pixels)
    if not inside.any():
        return None
    coarse, block, before = [], [], []
    for step, n in zip(image.spacing_mm, inside.shape, strict=True):
        # Odd numbers alone let blocks lie alike from either side, so that a turned image gives the
        # same numbers.
        q = _largest_odd(_COARSE_MM / step)
        b = q * max(3, _largest_odd(_BLOCK_MM / (step * q)))
        coarse.append(q)
        block.append(b)
        before.append(next(a for a in range(b) if (n + 2 * a) % b == 0))
    middle = float(image.pixels[inside].mean(dtype=np.float64))
    pads = [(a, a) for a in before]
    pixels = np.where(inside, image.pixels - np.float32(middle), np.float32(0))
    return Frame(
        image=image,
        pixels=np.pad(pixels, pads, "symmetric"),
        inside=None if inside.all() else np.pad(inside.astype(np.float32), pads, "symmetric"),
        before=(before[0], before[1]),
        coarse=(coarse[0], coarse[1]),
        block=(block[0], block[1]),
        scale_mm=max(FINEST_MM, 0.5 * max(image.spacing_mm)),
        middle=middle,
    )


def _largest_odd(limit: float) -> int:
    """Return the largest odd number that is not above a limit, at least 1."""
    return max(1, 2 * int((limit + 1) / 2 + 1e-9) - 1)


@dataclass(frozen=True, eq=False)
class Band:
    """A difference of Gaussians: of every `step`-th pixel, with the SD of its noise per block."""

    values: Floats
    noise: Floats
    step: Step
    block: Step

    def above(self, limit: float) -> Mask:
        """Tell where the band exceeds so many times its noise."""
        return exceeding(self.values, limit * self.noise, self.in_block)

    @property
    def in_block(self) -> Step:
        """Rows and columns of the band per block."""
        return self.block[0] // self.step[0], self.block[1] // self.step[1]

    def scores(self, rows: Integers, columns: Integers) -> Floats:
        """Return the band over its noise at the frame's rows and columns."""
        value = self.values[rows // self.step[0], columns // self.step[1]]
        return np.asarray(value / self.noise_at(rows, columns))

    def noise_at(self, rows: Integers, columns: Integers) -> Floats:
        """Return the SD of the noise at the frame's rows and columns."""
        return np.asarray(self.noise[rows // self.block[0], columns // self.block[1]])


@dataclass(frozen=True, eq=False)
class Bands:
    """The bands, finest first, the pixels after the finest Gaussian, and the background.

    `background` is coarse: the gray value around what stands out, less the frame's `middle`.
    """

    bands: tuple[Band, Band, Band]
    smooth: Floats
    background: Floats


def bands(of: Frame) -> Bands:
    """Return a frame's bands: the first two at the pixels, the third on the coarse grid."""
    smooth = _smooth(of.pixels, of.inside, _sigma(of, 0.0, 1.0))
    middle = _smooth(smooth, of.inside, _sigma(of, 1.0, 2.0))
    wide = _smooth(middle, of.inside, _sigma(of, 2.0, 4.0))
    inside = None if of.inside is None else _mean(of.inside, of.coarse)
    coarse = _coarser(wide, of.inside, of.coarse)
    widest = _smooth(coarse, inside, _sigma(of, 4.0, 8.0, of.coarse))
    made = (
        _band(of, smooth - middle, of.inside, (1, 1)),
        _band(of, middle - wide, of.inside, (1, 1)),
        _band(of, coarse - widest, inside, of.coarse),
    )
    behind = _background(of, made, _coarser(smooth, of.inside, of.coarse), inside)
    return Bands(made, smooth, behind)


def background_at(of: Frame, found: Bands, rows: Integers, columns: Integers) -> Floats:
    """Return the background, linear in between, at the frame's rows and columns."""
    at = [(place - (q - 1) / 2) / q for place, q in zip((rows, columns), of.coarse, strict=True)]
    return np.asarray(ndimage.map_coordinates(found.background, at, order=1, mode="nearest"))


def blocks(values: npt.NDArray[Any], step: Step) -> npt.NDArray[Any]:
    """Return a view (rows of blocks, rows, columns of blocks, columns)."""
    rows, columns = (n // q for n, q in zip(values.shape, step, strict=True))
    return values.reshape(rows, step[0], columns, step[1])


def grown(mask: Mask, *, corners: bool = True) -> Mask:
    """Return a mask and the pixels beside it, those at its corners too unless told otherwise."""
    rows = mask.copy()
    rows[1:] |= mask[:-1]
    rows[:-1] |= mask[1:]
    whole = rows.copy()
    across = rows if corners else mask
    whole[:, 1:] |= across[:, :-1]
    whole[:, :-1] |= across[:, 1:]
    return whole


def exceeding(values: Floats, limit: Floats, step: Step) -> Mask:
    """Tell where values exceed the limit of their block."""
    limit = limit.astype(np.float32)[:, None, :, None]
    return np.asarray(blocks(values, step) > limit).reshape(values.shape)


def _sigma(of: Frame, narrow: float, wide: float, step: Step = (1, 1)) -> tuple[float, float]:
    """Return the SD, in pixels, of the Gaussian that makes a narrow one wide."""
    sigma = of.scale_mm * math.sqrt(wide**2 - narrow**2)
    rows, columns = (sigma / (side * q) for side, q in zip(of.image.spacing_mm, step, strict=True))
    return rows, columns


def _smooth(values: Floats, inside: Floats | None, sigma: tuple[float, float]) -> Floats:
    """Return the Gaussian mean of the pixels that are inside."""
    if inside is None:
        return np.asarray(ndimage.gaussian_filter(values, sigma, truncate=3.0))
    over = ndimage.gaussian_filter(values * inside, sigma, truncate=3.0)
    weight = ndimage.gaussian_filter(inside, sigma, truncate=3.0)
    return np.asarray(over / np.maximum(weight, np.float32(1e-3)))


def _mean(values: Floats, step: Step) -> Floats:
    return np.asarray(sum(_phases(values, step)) / np.float32(step[0] * step[1]))


def _phases(values: npt.NDArray[Any], step: Step) -> list[npt.NDArray[Any]]:
    """Return the first pixel of every block, the second, and so on: sums of few large arrays."""
    places = itertools.product(range(step[0]), range(step[1]))
    return [values[row :: step[0], column :: step[1]] for row, column in places]


def _coarser(values: Floats, inside: Floats | None, step: Step) -> Floats:
    if inside is None:
        return _mean(values, step)
    weight = np.maximum(_mean(inside, step), np.float32(1e-3))
    return np.asarray(_mean(values * inside, step) / weight)


def _band(of: Frame, values: Floats, inside: Floats | None, step: Step) -> Band:
    """Return a band with the noise of what does not stand out, as calcifications do.

    Of every coarse pixel's middle: neighbors tell little more.
    """
    apart = (of.coarse[0] // step[0], of.coarse[1] // step[1])
    sampled = (slice(apart[0] // 2, None, apart[0]), slice(apart[1] // 2, None, apart[1]))
    size = np.abs(values[sampled])
    if inside is not None:
        size[inside[sampled] < 0.99] = np.inf
    least = 1e-5 * float(of.pixels.max() - of.pixels.min()) or 1.0
    in_block = (of.block[0] // of.coarse[0], of.block[1] // of.coarse[1])
    noise = _noise(size, in_block, least)
    for _ in range(_PASSES):
        size[grown(exceeding(size, MARKED * noise, in_block))] = np.inf
        noise = _noise(size, in_block, least)
    return Band(values, noise, step, of.block)


def _noise(size: Floats, step: Step, least: float) -> Floats:
    """Return the SD per block: the median over the blocks around of their median absolute values.

    Nowhere less than 0.8 of what is typical: where a film is saturated it has none, and a corner's
    is told by few blocks.
    """
    shape = (size.shape[0] // step[0], size.shape[1] // step[1])
    cells = blocks(size, step).swapaxes(1, 2).reshape(shape[0] * shape[1], -1)
    known = np.isfinite(cells).sum(axis=1)
    enough = known >= _ENOUGH * cells.shape[1]
    if not enough.any():
        return np.full(shape, least / _MAD)
    middle = np.sort(cells, axis=1)[np.arange(len(cells)), np.maximum(known - 1, 0) // 2]
    typical = float(np.median(middle[enough]))
    noise = np.where(enough, middle, typical).reshape(shape)
    around = np.pad(noise, _BLOCKS_AROUND // 2, "edge")
    view = np.lib.stride_tricks.sliding_window_view(around, (_BLOCKS_AROUND, _BLOCKS_AROUND))
    noise = np.sort(view.reshape(*shape, -1), axis=-1)[..., _BLOCKS_AROUND**2 // 2]
    return np.asarray(np.maximum(noise, max(_LEAST_NOISE * typical, least)) / _MAD)


def _background(
    of: Frame, found: tuple[Band, ...], coarse: Floats, inside: Floats | None
) -> Floats:
    """Return the mean of the coarse pixels around that do not stand out."""
    marked = np.zeros(coarse.shape, dtype=bool)
    for band in found:
        above = band.above(MARKED)
        marked |= (
            above if band.step == of.coarse else np.logical_or.reduce(_phases(above, of.coarse))
        )
    weight = (~grown(marked)).astype(np.float32)
    if inside is not None:
        weight *= inside
    total, share = np.zeros_like(coarse), np.zeros_like(coarse)
    # Where all within reach stands out, the wider surroundings tell.
    for reach, trust in ((1.0, 1.0), (4.0, 1e-2)):
        sigma = [
            reach * max(_BACKGROUND_MM / (side * q), 1.0)
            for side, q in zip(of.image.spacing_mm, of.coarse, strict=True)
        ]
        total += trust * ndimage.gaussian_filter(coarse * weight, sigma, truncate=3.0)
        share += trust * ndimage.gaussian_filter(weight, sigma, truncate=3.0)
    return np.asarray(total / np.maximum(share, np.float32(1e-6)))
