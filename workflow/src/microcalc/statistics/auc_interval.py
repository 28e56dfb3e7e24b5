"""An AUC with the interval that a study reports: the one place that chooses how it is made."""

import math
from dataclasses import replace

import numpy.typing as npt

from microcalc.statistics import clustered, constant_ranks, delong, resampling
from microcalc.statistics.delong import Auc, Transform

INTERVALS = {"none": "", "logit": ", logit interval", "wilson": ", Wilson interval"}


def estimate(
    y: npt.ArrayLike,
    score: npt.ArrayLike,
    patients: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    transform: Transform = "wilson",
) -> tuple[Auc, str]:
    """Return the AUC with an interval that is never a point, and the name of the method.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,), both classes.
    score
        Any real numbers, larger meaning more likely positive, shape (n,).
    patients
        Patient of each case, shape (n,).
    confidence
        Coverage of the interval, a fraction.
    transform
        As for `delong.interval`. `simulations/auc_intervals.py` compares them.

    Returns
    -------
    auc, method
        The variance is DeLong's, or Obuchowski's where a patient has more than one case. Where
        all pairs of cases are ranked alike, as with a perfect score, the interval is exact
        (`constant_ranks`); where no variance can be estimated, there is none, and `method` says so.

    Raises
    ------
    StudyError
        As `delong.auc_ci`.

    Examples
    --------
    >>> from microcalc.statistics import auc_interval
    >>> auc, method = auc_interval.estimate([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6], range(6))
    >>> f"{auc.auc:.2f} ({auc.low:.2f} to {auc.high:.2f}), {method}"
    '0.89 (0.41 to 0.99), DeLong, Wilson interval'
    """
    if resampling.has_clusters(patients):
        method = "Obuchowski, clustered"
        found = clustered.auc_ci(y, score, patients, confidence=confidence, transform=transform)
    else:
        method = "DeLong"
        found = delong.auc_ci(y, score, confidence=confidence, transform=transform)
    if found.variance > 0:
        return found, method + INTERVALS[transform]
    alike = constant_ranks.alike(y, score, patients=patients)
    if alike is None:
        empty = replace(found, variance=math.nan, low=math.nan, high=math.nan)
        return empty, f"{method}, interval undetermined: no variance can be estimated"
    low, high = alike.interval(confidence=confidence)
    return replace(found, low=low, high=high), f"{method}, exact interval"
