"""Logistic regressions on the logit of a probability, for many samples of one size at once."""

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from microcalc.statistics.arrays import Bools, Floats

# A probability of exactly 0 or 1 has no logit; so near to it none is claimed with reason.
EDGE = 1e-12
LONGEST_STEP = 5.0


def logits(p: Floats) -> Floats:
    """Return the log odds of probabilities, those of 0 and 1 being finite.

    Parameters
    ----------
    p
        Probabilities in [0, 1], of any shape.

    Returns
    -------
    numpy.ndarray
        Of the same shape.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.statistics import logit_fits
    >>> logit_fits.logits(np.array([0.5, 0.75])).round(4)
    array([0.    , 1.0986])
    """
    return np.asarray(logit(np.clip(p, EDGE, 1 - EDGE)))


def intercept_and_slope(positive: Bools, p: Floats) -> tuple[Floats, Floats]:
    """Return intercept and slope of each sample and their standard errors, by Newton's method.

    Parameters
    ----------
    positive
        Whether the cases of b samples are of the positive class, shape (b, n), both in each.
    p
        Their probabilities, shape (b, n).

    Returns
    -------
    estimates, errors
        Shapes (b, 2); NaN where the probabilities separate the classes or do not vary.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.statistics import logit_fits
    >>> y = np.array([[0, 1, 0, 0, 1, 1, 0, 1]], dtype=bool)
    >>> p = np.array([[0.25, 0.25, 0.25, 0.25, 0.75, 0.75, 0.75, 0.75]])
    >>> estimates, errors = logit_fits.intercept_and_slope(y, p)
    >>> (estimates + 0.0).round(6), errors.round(3)
    (array([[0., 1.]]), array([[0.816, 0.743]]))
    """
    estimates, errors = np.full((2, len(p), 2), np.nan)
    x, y = logits(p), positive
    rows = np.flatnonzero((np.ptp(x, axis=1) > 0) & ~_separated(y, x))
    x, y = x[rows], y[rows]
    a, b = logit(y.mean(axis=1)), np.zeros(rows.size)
    for _ in range(100):
        fitted = expit(a[:, None] + b[:, None] * x)
        w, residual = fitted * (1 - fitted), y - fitted
        wx = w * x
        s, sx, sxx = w.sum(axis=1), wx.sum(axis=1), (wx * x).sum(axis=1)
        ga, gb = residual.sum(axis=1), (residual * x).sum(axis=1)
        determinant = s * sxx - sx * sx
        determinant[~(determinant > 0)] = np.nan
        step_a, step_b = (sxx * ga - sx * gb) / determinant, (s * gb - sx * ga) / determinant
        a, b = a + step_a, b + step_b
        estimates[rows] = np.column_stack([a, b])
        errors[rows] = np.sqrt(np.column_stack([sxx, s]) / determinant[:, None])
        # NaN compares as false, so that a sample without a maximum is left as well.
        going = np.maximum(np.abs(step_a), np.abs(step_b)) >= 1e-12
        rows, x, y, a, b = rows[going], x[going], y[going], a[going], b[going]
        if not rows.size:
            break
    return estimates, errors


def intercept_alone(positive: Bools, p: Floats) -> tuple[Floats, Floats]:
    """Return the intercept of each sample when the slope is 1, and its standard error.

    Parameters
    ----------
    positive, p
        As for `intercept_and_slope`.

    Returns
    -------
    estimates, errors
        Shapes (b,); NaN where no case has a probability between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.statistics import logit_fits
    >>> y = np.array([[0, 0, 0, 1]], dtype=bool)
    >>> estimates, errors = logit_fits.intercept_alone(y, np.full((1, 4), 0.5))
    >>> estimates.round(4), errors.round(4)  # log odds of 1 in 4, √(1 / (4 · ¼ · ¾))
    (array([-1.0986]), array([1.1547]))
    """
    estimates, errors = np.full((2, len(p)), np.nan)
    rows = np.arange(len(p))
    x, y, a = logits(p), positive, np.zeros(len(p))
    for _ in range(200):
        fitted = expit(a[:, None] + x)
        w = (fitted * (1 - fitted)).sum(axis=1)
        w[~(w > 0)] = np.nan
        step = (y - fitted).sum(axis=1) / w
        a = a + np.clip(step, -LONGEST_STEP, LONGEST_STEP)
        estimates[rows], errors[rows] = a, 1 / np.sqrt(w)
        going = np.abs(step) >= 1e-13
        rows, x, y, a = rows[going], x[going], y[going], a[going]
        if not rows.size:
            break
    return estimates, errors


def _separated(positive: Bools, x: Floats) -> npt.NDArray[np.bool_]:
    """Return which samples a threshold on x parts into the classes, shape (b,)."""
    lowest, highest = (np.where(positive, x, far) for far in (np.inf, -np.inf))
    other_lowest, other_highest = (np.where(positive, far, x) for far in (np.inf, -np.inf))
    above = lowest.min(axis=1) >= other_highest.max(axis=1)
    below = highest.max(axis=1) <= other_lowest.min(axis=1)
    return np.asarray(above | below)
