"""A pointwise confidence band around an empirical ROC curve."""

import numpy as np
import numpy.typing as npt

from microcalc.statistics.arrays import Floats, outcome, scores
from microcalc.statistics.resampling import case_weights, check_resamples, patient_codes

GRID = np.linspace(0.0, 1.0, 101)


def band(
    y: npt.ArrayLike,
    score: npt.ArrayLike,
    patients: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    confidence: float = 0.95,
    resamples: int = 1000,
) -> tuple[Floats, Floats, Floats]:
    """Return the band of sensitivity at fixed specificities.

    Whole patients are drawn with replacement; in each replicate the sensitivity at every
    specificity is read from its own ROC curve, and the band holds the middle `confidence` of
    the replicates at each point (as pROC's `ci.se`, which draws within class). It says where
    one point of the curve may lie, not the whole curve at once.

    Parameters
    ----------
    y
        True classes, shape (n,), 1 is positive; both must occur.
    score
        Scores, shape (n,), larger is more positive.
    patients
        Patient of each case, shape (n,).
    rng
        From `microcalc.core.seeds.stream`.
    confidence
        Level of the band at each point.
    resamples
        Number of bootstrap replicates, at least 20.

    Returns
    -------
    false_positive_rate, low, high
        Shapes (101,): the grid, and the bounds of sensitivity on it. The bounds are NaN where
        every replicate has the same curve, as that of a perfect score or of a constant one: that
        is no certainty.

    Raises
    ------
    StudyError
        When a class is empty, a score is NaN, or there are fewer than 20 resamples.

    Examples
    --------
    >>> from microcalc.core import seeds
    >>> from microcalc.statistics import roc_band
    >>> y, score = [0, 1] * 10, [1, 3, 2, 5, 4, 6, 1, 8, 3, 2] * 2
    >>> rng = seeds.stream(1, "band")
    >>> rate, low, high = roc_band.band(y, score, range(20), rng=rng, resamples=100)
    >>> rate.shape, bool((low <= high).all()), float(high[-1])
    ((101,), True, 1.0)
    """
    truth = outcome(y)
    values = scores(score, n=truth.size)
    order = np.argsort(-values, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(values[order])), truth.size - 1)
    curves = []
    codes = patient_codes(patients)
    for weights in case_weights(codes, rng, resamples=check_resamples(resamples)):
        ordered = weights[:, order]
        positive = np.cumsum(ordered * truth[order], axis=1)[:, last_of_tie]
        negative = np.cumsum(ordered * ~truth[order], axis=1)[:, last_of_tie]
        # a replicate that drew one class alone has no curve
        both = (positive[:, -1] > 0) & (negative[:, -1] > 0)
        for tp, fp in zip(positive[both], negative[both], strict=True):
            curves.append(_read(tp / tp[-1], fp / fp[-1]))
    tail = (1 - confidence) / 2
    if not np.ptp(curves, axis=0).any():
        return GRID, np.full(GRID.size, np.nan), np.full(GRID.size, np.nan)
    low, high = np.quantile(curves, [tail, 1 - tail], axis=0)
    return GRID, low, high


def _read(sensitivity: Floats, false_positive_rate: Floats) -> Floats:
    """Return the height of a curve at the grid; on a vertical step, its upper end."""
    x = np.append(0.0, false_positive_rate)
    height = np.append(0.0, sensitivity)
    upper = np.append(np.flatnonzero(np.diff(x)), x.size - 1)
    return np.asarray(np.interp(GRID, x[upper], height[upper]))
