"""Profile-likelihood intervals: where the likelihood-ratio test of one coefficient turns."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv

from microcalc.models.logistic import Logistic
from microcalc.seeds import stream
from microcalc.selection.likelihood import independent
from microcalc.selection.newton import (
    PenalizedSurface,
    Point,
    Surface,
    climb,
    orthogonal,
)

Floats = NDArray[np.float64]

# Log odds per standard deviation of what the other columns leave of a column. A likelihood with
# a maximum falls at least linearly in every direction, and Firth's falls too, since the
# determinant of the information goes to 0: only where there is no maximum comes a search so far.
FARTHEST = 1e12
# How many times farther than the last a step may go that looks for a place beyond the limit.
GROWTH = 4.0
# Distance from the quantile, in standard errors, from which one more Newton step is exact.
CLOSE = 1e-7
# Sizes of the random starts from which Firth's profile is searched once more at each limit, how
# much higher a maximum found from them has to be, and how much farther the search then goes on.
SCATTER = (0.5, 0.5, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0)
HIGHER = 1e-9
ONWARD = 0.1
# Width of a bracket, as a share of its place, that rounding leaves no sense in halving.
NARROWEST = 1e-14


def intervals(
    X: ArrayLike, y: ArrayLike, fitted: Logistic, *, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Return the profile-likelihood limits of every coefficient.

    The exact roots of 2 (maximum - profile) = chi-square quantile on 1 degree of freedom, not
    the spline through a few points that R's MASS draws; under Firth's method the penalized
    likelihood's (Heinze and Schemper 2002, Stat Med 21:2409). That one need not be concave: its
    profile is the highest maximum found, its limit the place found on the way
    outward from which no other maximum, of a few random starts, is higher.

    Parameters
    ----------
    X, y
        What `fitted` was fitted on.
    fitted
        The regression.
    confidence
        Level of the intervals.

    Returns
    -------
    tuple of arrays
        Lower and upper limits of log odds, shape (q + 1,); NaN for a column left out of the
        fit. Finite wherever the likelihood that was fitted has a maximum; infinite on the side
        on which it never falls far enough.

    Raises
    ------
    ArithmeticError
        If a limit is not found within the search's steps.
    """
    outcome = np.asarray(y, dtype=float)
    given = np.asarray(X, dtype=float)
    design = np.column_stack([np.ones(len(outcome)), given])
    kept = independent(design)
    low, high = np.full(design.shape[1], np.nan), np.full(design.shape[1], np.nan)
    # The square root of the quantile of chi-square on 1 degree of freedom.
    quantile = float(np.sqrt(2 * gammaincinv(0.5, confidence)))
    for column in kept:
        # The column comes last: its coordinate is its coefficient, but for the unit.
        order = np.append(kept[kept != column], column)
        basis = orthogonal(design[:, order])
        surface = (PenalizedSurface if fitted.method == "Firth" else Surface)(
            basis.columns, outcome
        )
        top, _ = climb(surface, basis.place(fitted.coefficients[order]), free=len(order))
        unit = float(basis.change[-1, -1])
        low[column] = _limit(surface, top, quantile, -1.0) / unit
        high[column] = _limit(surface, top, quantile, 1.0) / unit
    return low, high


def _limit(surface: Surface, top: Point, quantile: float, side: float) -> float:
    """Return where the last coordinate's signed root of twice the fall meets the quantile.

    Newton's method on that root, nearly a straight line; whatever leaves the bracket, or does
    not come nearer by half, is replaced by halving the bracket.
    """
    centre = float(top.place[-1])
    distance = quantile / np.sqrt(_profiled_curvature(top))
    near, far, missing = 0.0, np.inf, np.inf
    point = top
    for _ in range(200):
        point = _profile(surface, point, top, centre + side * distance)
        root = float(np.sqrt(max(2 * (top.value - point.value), 0.0)))
        slope = -side * float(point.score[-1])
        newton = distance + (quantile - root) * root / slope if slope * root > 0 else np.inf
        if abs(root - quantile) < CLOSE and newton < np.inf:
            higher = _elsewhere(surface, point)
            if higher is None:
                return centre + side * newton
            # Another branch of the profile is above the goal here: the limit is further out.
            point, near, far, missing = higher, distance, np.inf, np.inf
            distance *= 1 + ONWARD
            continue
        near, far = (distance, far) if root < quantile else (near, distance)
        if far - near < NARROWEST * (far + abs(centre)):
            return centre + side * (near + far) / 2
        slow = abs(root - quantile) > missing / 2
        missing = abs(root - quantile)
        if np.isinf(far):
            distance = min(newton, GROWTH * distance)
            if distance > FARTHEST:
                return side * np.inf
        else:
            distance = newton if near < newton < far and not slow else (near + far) / 2
    raise ArithmeticError("the limit of a profile likelihood was not found")


def _elsewhere(surface: Surface, point: Point) -> Point | None:
    """Return a higher maximum over the other coordinates than the one found, None without one."""
    if not isinstance(surface, PenalizedSurface):
        return None  # concave: there is no other
    random, free = stream(0, "profile likelihood"), len(point.place) - 1
    for size in SCATTER:
        start = np.append(size * random.normal(size=free), point.place[-1])
        found, _ = climb(surface, start, free=free)
        if found.value > point.value + HIGHER:
            return found
    return None


def _profiled_curvature(point: Point) -> float:
    """Return the profile's negative second derivative in the last coordinate."""
    across = point.curvature[:-1, -1]
    explained = (across * -_tangent(point)).sum()
    return max(float(point.curvature[-1, -1] - explained), np.finfo(float).tiny)


def _tangent(point: Point) -> Floats:
    """Return how the other coordinates' maximum moves with the last one."""
    inner = np.linalg.pinv(point.curvature[:-1, :-1], hermitian=True)
    return np.asarray(-(inner * point.curvature[:-1, -1]).sum(axis=1), dtype=float)


def _profile(surface: Surface, last: Point, top: Point, value: float) -> Point:
    """Return the maximum over the other coordinates, the last one held at a value."""
    free = len(last.place) - 1
    straight = np.append(last.place[:-1], value)
    ahead = straight.copy()
    ahead[:-1] += (value - last.place[-1]) * _tangent(last)
    start = max((ahead, straight), key=lambda place: surface.at(place).value)
    starts = [start]
    if isinstance(surface, PenalizedSurface):
        # Where branches of the profile cross, following the one would miss the higher.
        ray = value / top.place[-1] if top.place[-1] else 1.0
        starts += [np.append(share * top.place[:-1], value) for share in (0.0, 1.0, ray)]
        starts = [start for start in starts if np.isfinite(surface.at(start).value)]
    found = [climb(surface, start, free=free) for start in starts]
    return max((point for point, _ in found), key=lambda point: point.value)
