"""Profile-likelihood intervals: where the likelihood-ratio test of one coefficient turns."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv, ndtri

from microcalc.models.logistic import Logistic
from microcalc.selection.likelihood import (
    constrained_maximum,
    independent,
    penalized_maximum,
)

Floats = NDArray[np.float64]

# Steps away from the maximum, in standard errors, before a limit counts as infinite.
FARTHEST = 50.0


def intervals(
    X: ArrayLike, y: ArrayLike, fitted: Logistic, *, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Return the profile-likelihood limits of every coefficient.

    The exact roots of 2 (maximum - profile) = chi-square quantile on 1 degree of freedom, not
    the spline through a few points that R's MASS draws; under Firth's method the penalized
    likelihood's (Heinze and Schemper 2002, Stat Med 21:2409).

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
        fit, infinite where the likelihood never falls far enough.
    """
    outcome = np.asarray(y, dtype=float)
    given = np.asarray(X, dtype=float)
    design = np.column_stack([np.ones(len(outcome)), given])
    kept = independent(design)
    low, high = np.full(design.shape[1], np.nan), np.full(design.shape[1], np.nan)
    # Half the quantile of chi-square on 1 degree of freedom.
    drop = float(gammaincinv(0.5, confidence))
    half = ndtri(0.5 + confidence / 2) * fitted.se
    for place, column in enumerate(kept):
        profile = _profile(design[:, kept], outcome, fitted, place, kept)
        centre = float(fitted.coefficients[column])
        goal = fitted.log_likelihood - drop
        low[column] = _root(profile, centre, -float(half[column]), goal)
        high[column] = _root(profile, centre, float(half[column]), goal)
    return low, high


def _profile(
    design: Floats, y: Floats, fitted: Logistic, place: int, kept: NDArray[np.int64]
) -> Callable[[float], float]:
    """Return the log-likelihood as a function of one coefficient, the others maximizing it."""
    fixed = np.arange(design.shape[1]) == place
    state = fitted.coefficients[kept].copy()

    def at(value: float) -> float:
        state[place] = value
        if fitted.method == "Firth":
            found = penalized_maximum(design, y, fixed=fixed, start=state)
            state[:] = found.coefficients
            return found.log_likelihood
        state[:], log_likelihood = constrained_maximum(design, y, fixed=fixed, start=state)
        return log_likelihood

    return at


def _root(profile: Callable[[float], float], centre: float, step: float, goal: float) -> float:
    """Return where the profile falls to `goal`, going from the maximum in steps that double."""
    from scipy.optimize import brentq

    inner, outer = 0.0, 1.0
    while profile(centre + outer * step) > goal:
        inner, outer = outer, 2 * outer
        if outer > FARTHEST:
            return float(np.sign(step) * np.inf)
    share = brentq(lambda t: profile(centre + t * step) - goal, inner, outer, xtol=1e-11)
    return centre + float(share) * step
