"""Single calcifications of a region, found and outlined at the spacing of the pixels.

Bright spots are found where a difference of Gaussians, which stands for the Laplacian of a
Gaussian, exceeds its own local noise (Netsch and Peitgen 1999, IEEE Trans Med Imaging 18: 774-784;
for spots in general Lindeberg 1998, Int J Comput Vis 30: 79-116). As the threshold counts in local
noise it holds at any gray scale and dose (Karssemeijer 1993, Int J Pattern Recogn Artif Intell 7:
1357-1376). Spots are cut from one another along the valleys between them (Vincent and Soille 1991,
IEEE Trans Pattern Anal Mach Intell 13: 583-598), where these are deep, and outlined where they fall
to a part of their contrast. Peaks on a line that goes on are those of vessels, fibers and scratches
(line detectors in mammograms: Zwiggelaar, Astley, Boggis and Taylor 2004, IEEE Trans Med Imaging
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

from microcalc.features import calcification_bands, calcification_blobs
from microcalc.features.calcification_bands import Bands, Frame, Mask
from microcalc.features.calcification_blobs import LEVEL, Blobs
from microcalc.images.region_image import RegionImage

THRESHOLD = 5.2
"""Least score of a calcification."""
SKIN_MM = 2.0
"""Nothing is counted so near to where the breast ends: skin 1.5 mm thick, and its mask's error."""
WINDOW_MM = 0.3
"""Nothing is counted so near to the window's edge: what is cut off there has no size."""


@dataclass(frozen=True, eq=False)
class Particle:
    """One calcification.

    Attributes
    ----------
    outlines
        Polygons (m, 2) of row and column in the window, centers of pixels at whole numbers, the
        last corner beside the first. Those around holes run the other way. Parts less than two
        pixels apart are one calcification.
    peak
        Row and column of the brightest pixel.
    score
        Best value of the finest band in it, over the local noise.
    contrast
        Mean gray value over the local background.
    noise
        SD of the finest band around it, in gray values.
    gray
        Mean gray value.
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
        Of any gray scale, larger = brighter. What is measured at a pixel depends on what lies
        within some millimeters: give the window a margin of 3 mm around the region where the image
        has it. Pixels that are not finite count as outside the breast.
    threshold
        Least score, at least 3.5.

    Returns
    -------
    tuple of Particle
        By row, then column of the peak. None within `SKIN_MM` of the end of the breast or
        `WINDOW_MM` of the window's edge.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:200, :200]
    >>> from microcalc.images.region_image import RegionImage
    >>> spot = 400 + 500 * np.exp(-((y - 90) ** 2 + (x - 110) ** 2) / 8)
    >>> spot += np.random.default_rng(1).normal(0, 5, spot.shape)
    >>> whole = np.ones(spot.shape, dtype=bool)
    >>> image = RegionImage(spot.astype(np.float32), whole, whole, (0.1, 0.1), 12)
    >>> [particle.peak for particle in find(image)]
    [(90, 110)]
    """
    frame = calcification_bands.frame(image)
    if frame is None:
        return ()
    bands = calcification_bands.bands(frame)
    blobs = calcification_blobs.blobs(frame, bands)
    rows, columns = (blobs.peak - frame.before).T
    height, width = image.pixels.shape
    within = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    chosen = np.flatnonzero(within & (blobs.score >= threshold))
    counts = image.region & _far_enough(image)
    chosen = chosen[counts[rows[chosen], columns[chosen]]]
    order = np.lexsort((columns[chosen], rows[chosen]))
    return tuple(_particles(frame, bands, blobs, chosen[order].tolist()))


def outlines(
    particles: Sequence[Particle],
    *,
    corner: tuple[float, float] = (0.0, 0.0),
    zoom: tuple[float, float] = (1.0, 1.0),
) -> list[npt.NDArray[np.float64]]:
    """Return what to draw around calcifications on a picture of the window or of a part of it.

    Parameters
    ----------
    particles
        As `find` gives them.
    corner
        Row and column of the window at which the picture's upper left pixel begins.
    zoom
        Pixels of the picture per row and per column of the window.

    Returns
    -------
    list
        Closed polygons (m, 2) of the picture's row and column, centers of pixels at whole numbers.
    """
    edge = 0.5 - np.asarray(corner)
    closed = [np.vstack([line, line[:1]]) for one in particles for line in one.outlines]
    return [(line + edge) * zoom - 0.5 for line in closed]


def _far_enough(image: RegionImage) -> Mask:
    far = np.zeros(image.breast.shape, dtype=bool)
    rows, columns = (math.ceil(WINDOW_MM / step) for step in image.spacing_mm)
    far[rows:-rows, columns:-columns] = True
    inside = image.breast & np.isfinite(image.pixels)
    if not inside.all():
        far &= ndimage.distance_transform_edt(inside, sampling=image.spacing_mm) >= SKIN_MM
    return far


def _particles(frame: Frame, bands: Bands, blobs: Blobs, chosen: Sequence[int]) -> list[Particle]:
    boxes = ndimage.find_objects(blobs.label)
    found = []
    for number in chosen:
        rows, columns = boxes[number]
        box = (_wider(rows), _wider(columns))
        label = blobs.label[box]
        own = label == number + 1
        # Others' shares are of other peaks.
        share = np.where(own | (label == 0), blobs.share[box], 0)
        lines: list[Any] = list(contourpy.contour_generator(z=share).lines(LEVEL))
        if not lines:  # every pixel of it is exactly at the level: it has no area
            continue
        corner = np.array([side.start for side in box]) - frame.before
        row, column = blobs.peak[number].tolist()
        found.append(
            Particle(
                outlines=tuple(line[:-1, ::-1] + corner for line in lines),
                peak=(row - frame.before[0], column - frame.before[1]),
                score=float(blobs.score[number]),
                contrast=float(blobs.over[box][own].mean()),
                noise=float(bands.bands[0].noise_at(np.array(row), np.array(column))),
                gray=float(frame.pixels[box][own].mean()) + frame.middle,
            )
        )
    return found


def _wider(side: slice) -> slice:
    return slice(max(0, side.start - 1), side.stop + 1)
