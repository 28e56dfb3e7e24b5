"""Profile-likelihood intervals of a logistic regression's coefficients."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv

from microcalc.models.logistic import Logistic
from microcalc.selection.likelihood import independent
from microcalc.selection.newton import (
    PenalizedSurface,
    Point,
    Surface,
    climb,
    newton_step,
    orthogonal,
)

Floats = NDArray[np.float64]

# Log odds per standard deviation of what the other columns leave of a column. A likelihood with
# a maximum falls at least linearly in every direction, and Firth's falls too, since the
# determinant of the information goes to 0: only where there is no maximum comes a search so far.
FARTHEST = 1e12
# The first step goes no farther: at the estimate rounding may have left no curvature.
FIRST = 100.0
# How many times farther than the last a step may go that looks for a place beyond the limit.
GROWTH = 4.0
# Distance from the quantile, in standard errors, from which one more Newton step is exact.
CLOSE = 1e-7
# Width of a bracket, as a share of its place, that rounding leaves no sense in halving.
NARROWEST = 1e-14
# Firth's profile is followed in steps that move the log odds of no case farther than STRIDE, which
# doubles after each step that the tangent foresaw within a quarter of TURN.
STRIDE = 0.5
# A maximum that is farther, in any case's log odds, from where the tangent foresaw it may be
# another one: the step is halved, down to this share of the distance to the limit that the
# curvature at the estimate foresees.
TURN = 0.5
SHORTEST = 1e-3
# A profile counts as maximized where Newton's method promises to raise it by less than this.
LEFT = 1e-9
# Steps after which the search for a limit is given up.
PATIENCE = 1000


def intervals(
    X: ArrayLike,
    y: ArrayLike,
    fitted: Logistic,
    *,
    confidence: float = 0.95,
    quantiles: ArrayLike | None = None,
) -> tuple[Floats, Floats]:
    """Return the profile-likelihood limits of every coefficient.

    The exact roots of 2 (maximum - profile) = chi-square quantile on 1 degree of freedom, not
    the spline through a few points that R's MASS draws; under Firth's method the penalized
    likelihood's (Heinze and Schemper 2002, Stat Med 21:2409). That one need not be concave, and
    may have several maxima over the other coefficients where one is held. Its profile is the
    branch of maxima that begins at the estimate, each found from the one before, nearer to the
    estimate; where a branch ends, the maximum to which the ascent leads from there continues it.
    The limit is the first place outward where this profile has fallen far enough. Another
    maximum may be higher there; it is not looked for.

    Parameters
    ----------
    X, y
        What `fitted` was fitted on.
    fitted
        The regression.
    confidence
        Level of the intervals.
    quantiles
        By how much twice each coefficient's profile falls to its limits, shape (q + 1,); the
        chi-square quantile of `confidence` for all where not given.

    Returns
    -------
    tuple of arrays
        Lower and upper limits of log odds, shape (q + 1,); NaN for a column left out of the
        fit. Finite wherever the likelihood that was fitted has a maximum; infinite on the side
        on which it never falls far enough.

    Raises
    ------
    ArithmeticError
        If a limit is not found within the search's steps, which no study has been seen to need.
    """
    outcome = np.asarray(y, dtype=float)
    given = np.asarray(X, dtype=float)
    design = np.column_stack([np.ones(len(outcome)), given])
    kept = independent(design)
    low, high = np.full(design.shape[1], np.nan), np.full(design.shape[1], np.nan)
    if quantiles is None:
        quantiles = np.full(design.shape[1], 2 * gammaincinv(0.5, confidence))
    roots = np.sqrt(np.asarray(quantiles, dtype=float))
    for column in kept:
        # The column comes last: its coordinate is its coefficient, but for the unit.
        order = np.append(kept[kept != column], column)
        basis = orthogonal(design[:, order])
        surface = (PenalizedSurface if fitted.method == "Firth" else Surface)(
            basis.columns, outcome
        )
        top, _ = climb(surface, basis.place(fitted.coefficients[order]), free=len(order))
        unit = float(basis.change[-1, -1])
        low[column] = _limit(surface, top, float(roots[column]), -1.0) / unit
        high[column] = _limit(surface, top, float(roots[column]), 1.0) / unit
    return low, high


def _limit(surface: Surface, top: Point, quantile: float, side: float) -> float:
    """Return where the last coordinate's signed root of twice the fall meets the quantile.

    Newton's method on that root, nearly a straight line; whatever leaves the bracket, or does
    not come nearer by half, is replaced by halving the bracket. Every maximum is searched from
    the last one inside the limit.
    """
    centre = float(top.place[-1])
    distance = min(quantile / np.sqrt(_profiled_curvature(top)), FIRST)
    shortest = SHORTEST * distance
    inside, near, far, missing = top, 0.0, np.inf, np.inf
    stride = STRIDE
    for _ in range(PATIENCE):
        if not surface.concave:
            distance = min(distance, near + stride / _pace(surface, inside))
        point, turn = _profile(surface, inside, centre + side * distance)
        elsewhere = not surface.concave and turn > TURN and distance - near > shortest
        if elsewhere or np.isinf(turn):
            stride /= 2
            distance = near + (distance - near) / 2
            continue
        root = float(np.sqrt(max(2 * (top.value - point.value), 0.0)))
        slope = -side * float(point.score[-1])
        newton = distance + (quantile - root) * root / slope if slope * root > 0 else np.inf
        if abs(root - quantile) < CLOSE and newton < np.inf:
            return centre + side * newton
        if root < quantile:
            inside, near = point, distance
            stride *= 2 if turn < TURN / 4 else 1
        else:
            far = distance
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


def _pace(surface: Surface, point: Point) -> float:
    """Return the most that a unit of the last coordinate moves any case's log odds."""
    along = np.append(_tangent(point), 1.0)
    return float(np.abs((surface.columns * along).sum(axis=1)).max())


def _profiled_curvature(point: Point) -> float:
    """Return the profile's negative second derivative in the last coordinate."""
    across = point.curvature[:-1, -1]
    explained = (across * -_tangent(point)).sum()
    return max(float(point.curvature[-1, -1] - explained), np.finfo(float).tiny)


def _tangent(point: Point) -> Floats:
    """Return how the other coordinates' maximum moves with the last one."""
    inner = np.linalg.pinv(point.curvature[:-1, :-1], hermitian=True)
    return np.asarray(-(inner * point.curvature[:-1, -1]).sum(axis=1), dtype=float)


def _profile(surface: Surface, last: Point, value: float) -> tuple[Point, float]:
    """Return the maximum over the other coordinates, the last one held at a value.

    And how far it is, in any case's log odds, from where the tangent at the last maximum foresaw
    it; infinitely far where no maximum was found.
    """
    free = len(last.place) - 1
    straight = np.append(last.place[:-1], value)
    ahead = straight.copy()
    ahead[:-1] += (value - last.place[-1]) * _tangent(last)
    starts = [ahead, straight]
    if surface.concave:  # where steps are long, and the tangent may lead far astray
        starts.sort(key=lambda place: -surface.at(place).value)
    for start in starts:
        point, reached = climb(surface, start, free=free)
        if reached or _promised(point, free) < LEFT:
            apart = (surface.columns * (point.place - ahead)).sum(axis=1)
            return point, float(np.abs(apart).max())
    return point, np.inf


def _promised(point: Point, free: int) -> float:
    """Return twice what Newton's method promises to gain over the first coordinates."""
    return float((newton_step(point, free) * point.score[:free]).sum())
