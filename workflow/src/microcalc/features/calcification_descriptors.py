"""What a region's calcifications are like: how many, how large, of which shape, how they lie.

Every descriptor is a finite number for any number of calcifications, as columns of a linear model
must be. What does not exist has a stated value: an amount of nothing is 0; a shape that nothing
shows is the plain one (round, convex, no common direction, no line); a neighbor that is not there
is as far away as the region is wide.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csgraph
from scipy.spatial import ConvexHull, distance

from microcalc.features.calcification_detection import Particle
from microcalc.images.region_image import RegionImage

Floats = npt.NDArray[np.float64]

LINEAR = 2.0
"""Least elongation of a calcification that is called linear."""
SHAPE_MM = 0.5
"""Least diameter, of the circle of its area, of a calcification whose shape can be told."""
_SD_PER_IQR = 1 / 1.349


@dataclass(frozen=True, eq=False)
class Shape:
    """The shape of one calcification, from its outline.

    Attributes
    ----------
    center
        y, x of its center of mass, mm.
    area_mm2
        Area within the outline.
    elongation
        Long axis over short axis of the ellipse of the same second moments; 1 is round.
    direction
        Of the long axis, radians from x towards y.
    solidity
        Area over that of the convex hull; 1 is convex.
    corners
        (m, 2) y, x of points whose convex hull is the calcification's, mm.
    """

    center: Floats
    area_mm2: float
    elongation: float
    direction: float
    solidity: float
    corners: Floats


def shape(outlines: Sequence[npt.ArrayLike], spacing_mm: tuple[float, float]) -> Shape:
    """Return the shape within outlines.

    Parameters
    ----------
    outlines
        Polygons (m, 2) of row and column that enclose an area, as `Particle.outlines`: holes run
        the other way.
    spacing_mm
        From a row to the next, from a column to the next, in mm.

    Returns
    -------
    Shape
        Moments are those of the area, not of the corners (Green's theorem; Steger 1996, On the
        Calculation of Arbitrary Moments of Polygons, TU München FGBV-96-05).
    """
    polygons = [np.asarray(outline, dtype=np.float64) * spacing_mm for outline in outlines]
    corners = np.concatenate(polygons)
    origin = corners.mean(axis=0)
    area, y, x, yy, xx, xy = np.sum([_moments(polygon - origin) for polygon in polygons], axis=0)
    mean = np.array([y, x]) / area
    elongation, direction = axes(
        xx / area - mean[1] ** 2, yy / area - mean[0] ** 2, xy / area - mean[0] * mean[1]
    )
    hull = ConvexHull(corners)
    return Shape(
        center=origin + mean,
        area_mm2=abs(area),
        elongation=elongation,
        direction=direction,
        solidity=min(1.0, abs(area) / hull.volume),
        corners=corners[hull.vertices],
    )


def _moments(polygon: Floats) -> Floats:
    """Return the integrals of 1, y, x, y², x² and xy over a polygon."""
    y, x = polygon.T
    y1, x1 = np.roll(y, -1), np.roll(x, -1)
    cross = x * y1 - x1 * y
    return np.array(
        [
            cross.sum() / 2,
            (y + y1) @ cross / 6,
            (x + x1) @ cross / 6,
            (y * y + y * y1 + y1 * y1) @ cross / 12,
            (x * x + x * x1 + x1 * x1) @ cross / 12,
            (x * y1 + 2 * x * y + 2 * x1 * y1 + x1 * y) @ cross / 24,
        ]
    )


def axes(xx: float, yy: float, xy: float) -> tuple[float, float]:
    """Return the ratio of an ellipse's axes, and the long one's direction, from its moments."""
    half, apart = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
    short = max(half - apart, 1e-12 * half)
    return math.sqrt((half + apart) / short), 0.5 * math.atan2(2 * xy, xx - yy)


def describe(image: RegionImage, particles: Sequence[Particle]) -> dict[str, float]:
    """Return all descriptors of a region.

    Parameters
    ----------
    image
        The region.
    particles
        Its calcifications, as `calcification_detection.find` gives them.

    Returns
    -------
    dict
        As docs/calcifications.md defines them, under the same names: those of `of_shapes`, of
        contrast and of intensity. Finite numbers, unchanged when all gray values are multiplied by
        a positive number and another is added.
    """
    inside = image.region & image.breast & np.isfinite(image.pixels)
    rows, columns = image.spacing_mm
    shapes = [shape(one.outlines, image.spacing_mm) for one in particles]
    contrast = np.array([one.contrast / one.noise for one in particles])
    return {
        **of_shapes(shapes, float(np.count_nonzero(inside)) * rows * columns),
        "contrast_median": _median(contrast, 0.0),
        "contrast_variation": _variation(contrast),
        "intensity_median": _intensity(image.pixels[inside], particles),
    }


def _intensity(gray: npt.NDArray[np.float32], particles: Sequence[Particle]) -> float:
    """Return the calcifications' median gray value, from the region's median, in its SD."""
    if not particles or not gray.size:
        return 0.0
    low, middle, high = np.quantile(gray.astype(np.float64), [0.25, 0.5, 0.75])
    spread = (high - low) * _SD_PER_IQR
    value = float(np.median([one.gray for one in particles]))
    return float((value - middle) / spread) if spread > 0 else 0.0


def of_shapes(shapes: Sequence[Shape], region_mm2: float) -> dict[str, float]:
    """Return the descriptors of number, size, shape and place.

    Parameters
    ----------
    shapes
        Any number of calcifications.
    region_mm2
        Area of the region they were looked for in.

    Returns
    -------
    dict
        As docs/calcifications.md defines them, under the same names, all finite.
    """
    areas = np.array([one.area_mm2 for one in shapes])
    told = [one for one in shapes if one.area_mm2 >= math.pi * (SHAPE_MM / 2) ** 2]
    solidity = np.array([one.solidity for one in told])
    elongation = np.array([one.elongation for one in told])
    centers = np.array([one.center for one in shapes]).reshape(-1, 2)
    hull = _hull_area(shapes)
    return {
        "count": float(len(shapes)),
        "per_cm2": len(shapes) / region_mm2 * 100 if region_mm2 > 0 else 0.0,
        "area_total_mm2": float(areas.sum()),
        "area_median_mm2": _median(areas, 0.0),
        "area_variation": _variation(areas),
        "elongation_median": _median(elongation, 1.0),
        "elongation_largest": float(elongation.max(initial=1.0)),
        "linear_share": float((elongation >= LINEAR).mean()) if told else 0.0,
        "solidity_median": _median(solidity, 1.0),
        "solidity_least": float(solidity.min(initial=1.0)),
        "orientation_spread": _orientation_spread(told),
        "hull_mm2": hull,
        "hull_filled": min(1.0, float(areas.sum()) / hull) if hull > 0 else 0.0,
        "eccentricity": _eccentricity(centers),
        **_distances(centers, 2 * math.sqrt(region_mm2 / math.pi)),
    }


def _median(values: Floats, otherwise: float) -> float:
    return float(np.median(values)) if len(values) else otherwise


def _variation(values: Floats) -> float:
    """Return the coefficient of variation, 0 for fewer than two."""
    return float(values.std() / values.mean()) if len(values) > 1 else 0.0


def _hull_area(shapes: Sequence[Shape]) -> float:
    if not shapes:
        return 0.0
    return float(ConvexHull(np.concatenate([one.corners for one in shapes])).volume)


def _orientation_spread(shapes: Sequence[Shape]) -> float:
    """Return the circular variance of the long axes, each by how much longer it is."""
    if len(shapes) < 2:
        return 1.0
    weight = np.array([1 - 1 / one.elongation for one in shapes])
    twice = np.exp(2j * np.array([one.direction for one in shapes]))
    total = weight.sum()
    return float(1 - abs(weight @ twice) / total) if total > 1e-9 else 1.0


def _eccentricity(centers: Floats) -> float:
    if len(centers) < 3:
        return 0.0
    (yy, xy), (_, xx) = np.cov(centers.T, bias=True)
    if xx + yy <= 0:
        return 0.0
    ratio, _ = axes(xx, yy, xy)
    return math.sqrt(max(0.0, 1 - ratio**-2))


def _distances(centers: Floats, diameter_mm: float) -> dict[str, float]:
    """Return how far neighbors are, and what tree they make."""
    if len(centers) < 2:
        nearest = np.full(1, diameter_mm)
        length = longest = 0.0
    else:
        between = distance.squareform(distance.pdist(centers))
        nearest = (between + np.diag(np.full(len(centers), np.inf))).min(axis=1)
        # In a sparse graph a distance of 0 would be none.
        tree = csgraph.minimum_spanning_tree(np.maximum(between, 1e-6))
        length = float(tree.sum())
        longest = float(csgraph.dijkstra(tree, directed=False).max())
    quartiles = np.quantile(nearest, [0.25, 0.5, 0.75])
    return {
        "neighbor_median_mm": float(quartiles[1]),
        "neighbor_iqr_mm": float(quartiles[2] - quartiles[0]),
        "tree_mm": length,
        "linearity": longest / length if len(centers) > 3 else 0.0,
    }
