"""How large a region is and what form it has, in two dimensions."""

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from microcalc.core.libraries import from_extra


def shape(region: npt.NDArray[np.bool_], spacing_mm: tuple[float, float]) -> dict[str, float]:
    """Return size and form of a region.

    Outlines are those of marching squares at 0.5: they pass half-way between a pixel's center and
    that of its neighbour outside, and cut corners. IBSI's morphology is of volumes; these are its
    definitions in the plane, as PyRadiomics' `shape2D` takes them too.

    Parameters
    ----------
    region
        Which pixels belong to it, shape (rows, columns); at least one. Parts and holes count: areas
        and lengths of outlines are summed, those of holes subtracted from the area and added to the
        perimeter.
    spacing_mm
        From a row to the next, from a column to the next, in mm.

    Returns
    -------
    dict of float
        `shape_area_mm2`, of the pixels. `shape_perimeter_mm`, of all outlines.
        `shape_circularity`, the perimeter of a circle as large as the outlines enclose, to the
        perimeter: 1 for a circle (IBSI's sphericity, QCFX, in the plane).
        `shape_max_diameter_mm`, between the two points of outlines that are farthest apart (L0JK).
        `shape_major_axis_mm` and `shape_minor_axis_mm`, 4 times the square root of the larger and
        the smaller eigenvalue of the covariance of pixels' centers (TDIC, P7VJ); the minor axis is
        0 of pixels in one line. `shape_elongation`, minor to major axis: 1 for a circle (Q3CK);
        1 of a single pixel too. `shape_solidity`, what the outlines enclose to its convex hull
        (R3ER). `shape_extent`, the same to the upright rectangle around it (PBX1).

    Raises
    ------
    StudyError
        When scikit-image is not installed.

    References
    ----------
    Zwanenburg et al. 2020, Radiology 295:328; identifiers are those of its reference manual.
    """
    region = _cropped(region)  # rounding errors then do not depend on what surrounds it
    steps = np.asarray(spacing_mm, dtype=np.float64)
    outlines = [outline * steps for outline in _outlines(region)]
    enclosed = abs(sum(_signed_area(outline) for outline in outlines))
    perimeter = sum(float(np.hypot(*np.diff(outline, axis=0).T).sum()) for outline in outlines)
    points = np.concatenate(outlines)
    hull = ConvexHull(points)
    box = float(np.prod(np.ptp(points, axis=0)))
    minor, major = _axes(np.argwhere(region) * steps)
    return {
        "shape_area_mm2": float(np.count_nonzero(region) * steps.prod()),
        "shape_perimeter_mm": perimeter,
        "shape_circularity": float(2 * np.sqrt(np.pi * enclosed) / perimeter),
        "shape_max_diameter_mm": float(pdist(points[hull.vertices]).max()),
        "shape_major_axis_mm": major,
        "shape_minor_axis_mm": minor,
        "shape_elongation": minor / major if major > 0 else 1.0,
        "shape_solidity": enclosed / float(hull.volume),  # in the plane, the area
        "shape_extent": enclosed / box,
    }


def _cropped(region: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    rows, columns = (np.flatnonzero(region.any(axis)) for axis in (1, 0))
    return region[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _outlines(region: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.float64]]:
    """Return closed outlines in pixels, each of shape (points, 2); holes run the other way."""
    with from_extra("radiomics"):
        from skimage.measure import find_contours

    return list(find_contours(np.pad(region, 1).astype(np.float64), 0.5))


def _signed_area(outline: npt.NDArray[np.float64]) -> float:
    """Return the area within a closed outline (shoelace formula), negative the other way round."""
    y, x = outline.T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)


def _axes(centers: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the minor and the major axis of points, shape (n, 2)."""
    covariance = np.cov(centers.T, bias=True)
    variances = np.maximum(np.linalg.eigvalsh(covariance), 0)
    # A line's smaller eigenvalue is no exact 0 in floating point.
    variances[variances < 1e-12 * variances.max()] = 0
    minor, major = 4 * np.sqrt(variances)
    return float(minor), float(major)
