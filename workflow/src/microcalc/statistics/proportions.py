"""Intervals of proportions: Wilson's, at the effective sample size where patients repeat.

One case per patient: Wilson's score interval. Several: the same interval with the number of cases
divided by the design effect (`design_effects`), and moved outwards by half of what one patient's
cases add to the step of the proportion. `simulations/clustered_proportions.py` holds its coverage
against that of Wilson's interval without repeats.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from microcalc.core.errors import StudyError
from microcalc.statistics import arrays, resampling
from microcalc.statistics.arrays import Floats

WILSON = "Wilson"
CLUSTERED = "Wilson, effective sample size"


@dataclass(frozen=True)
class Proportion:
    """`successes` of `n` with its interval.

    Attributes
    ----------
    successes, n
        Counts.
    estimate
        0 to 1; NaN when n is 0.
    low, high
        Bounds of the interval; NaN when n is 0.
    """

    successes: int
    n: int
    estimate: float
    low: float
    high: float


def wilson(successes: int, n: int, *, confidence: float = 0.95) -> Proportion:
    """Return a proportion with Wilson's score interval, without continuity correction.

    Parameters
    ----------
    successes, n
        Counts, 0 ≤ successes ≤ n. With n = 0 there is no proportion: all NaN.
    confidence
        Coverage of the interval, a fraction.

    Returns
    -------
    Proportion
        Counts, estimate, low and high.

    Raises
    ------
    StudyError
        When the counts are not 0 ≤ successes ≤ n.

    Notes
    -----
    Wilson, J Am Stat Assoc 1927; 22: 209. Chosen over Clopper–Pearson because its mean coverage
    is nearer the nominal one (Agresti and Coull, Am Stat 1998; 52: 119).

    Examples
    --------
    >>> from microcalc.statistics import proportions
    >>> found = proportions.wilson(26, 41)
    >>> round(found.estimate, 3), round(found.low, 3), round(found.high, 3)
    (0.634, 0.481, 0.764)
    """
    arrays.check_confidence(confidence)
    if not 0 <= successes <= n:
        raise StudyError(f"{successes} of {n} is no proportion; expected 0 ≤ successes ≤ n")
    if n == 0:
        return Proportion(0, 0, math.nan, math.nan, math.nan)
    low, high = wilson_bounds(successes, n, confidence=confidence)
    return Proportion(int(successes), int(n), successes / n, float(low), float(high))


def wilson_bounds(
    successes: npt.ArrayLike, n: npt.ArrayLike, *, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Return the bounds of `wilson` of many proportions at once, each n above 0.

    Parameters
    ----------
    successes, n
        Counts, of any shape.
    confidence
        Coverage of the intervals, a fraction.

    Returns
    -------
    low, high : numpy.ndarray
        Of the same shape.

    Examples
    --------
    >>> from microcalc.statistics import proportions
    >>> low, high = proportions.wilson_bounds([26, 60], [41, 72])
    >>> low.round(3), high.round(3)
    (array([0.481, 0.731]), array([0.764, 0.902]))
    """
    k, size = np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64)
    share = k / size
    return _score_bounds(share, share, size, confidence)


def of_cases(
    successes: npt.ArrayLike, patients: npt.ArrayLike, *, confidence: float = 0.95
) -> Proportion:
    """Return the share of cases that are successes, with an interval that knows their patients.

    Parameters
    ----------
    successes
        Whether each case is one, 0 or 1, shape (n,). Without a case there is no proportion.
    patients
        Patient of each case, shape (n,).
    confidence
        Coverage of the interval, a fraction.

    Returns
    -------
    Proportion
        That of `wilson` where no patient has more than one case, else `clustered_bounds`.

    Raises
    ------
    StudyError
        When the vectors differ in length or `successes` holds anything but 0 and 1.

    Examples
    --------
    >>> from microcalc.statistics import proportions
    >>> alone = proportions.of_cases([1] * 20, range(20))
    >>> repeated = proportions.of_cases([1] * 20, [0, 0, *range(1, 19)])
    >>> round(alone.low, 3), round(repeated.low, 3)
    (0.839, 0.826)
    """
    n, codes = np.size(successes), resampling.patient_codes(patients)
    if n != codes.size:
        raise StudyError(f"{n} outcomes of {codes.size} cases; expected one per case")
    if n == 0:
        return wilson(0, 0, confidence=confidence)
    hits = arrays.outcome(successes)
    count = int(hits.sum())
    if not resampling.has_clusters(codes):
        return wilson(count, n, confidence=confidence)
    of_patient, sizes = np.bincount(codes, weights=hits), np.bincount(codes)
    arrays.check_confidence(confidence)
    low, high = clustered_bounds(of_patient, sizes, confidence=confidence)
    return Proportion(count, n, count / n, float(low), float(high))


def clustered_bounds(
    successes: npt.ArrayLike, sizes: npt.ArrayLike, *, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Return the bounds of many proportions at once, each of cases that share patients.

    Parameters
    ----------
    successes, sizes
        Successes and cases per patient, shape (..., patients), each proportion of at least one
        case; a patient may have none.
    confidence
        Coverage of the intervals, a fraction.

    Returns
    -------
    low, high
        Shape (...): Wilson's bounds of n / D cases, D from `design_effects`, each taken at the
        proportion moved outwards by (D - 1) / 2n. Where no patient has two cases they are those
        of `wilson_bounds` to the last bit; they never meet.

    Notes
    -----
    The effective sample size is that of survey samples (Korn and Graubard, Surv Methodol 1998;
    24: 193) and of clustered binary data (Rao and Scott, Biometrics 1992; 48: 577; for Wilson's
    interval Saha, Miller and Wang, Int J Biostat 2016; 12). A whole patient moves the proportion
    by about D / n where a case moves it by 1 / n: half of the difference is a correction for
    continuity, without which the bounds fall short near 0 and 1. Where all cases agree D is
    known, not estimated, and nothing is moved.

    Examples
    --------
    >>> from microcalc.statistics import proportions
    >>> low, high = proportions.clustered_bounds([2, 2, 0, 1, 1, 1], [2, 2, 2, 1, 1, 2])
    >>> round(float(low), 3), round(float(high), 3)  # 7 of 10 cases of 6 patients
    (0.15, 0.983)
    """
    k, m = np.asarray(successes, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    n = m.sum(axis=-1)
    share = k.sum(axis=-1) / n
    effect = design_effects(k, m, confidence=confidence)
    moved = np.where((share == 0) | (share == 1), 0.0, (effect - 1) / (2 * n))
    return _score_bounds(
        np.maximum(share - moved, 0.0), np.minimum(share + moved, 1.0), n / effect, confidence
    )


def design_effects(
    successes: npt.ArrayLike, sizes: npt.ArrayLike, *, confidence: float = 0.95
) -> Floats:
    """Return by how much sharing patients raises the variance of each proportion, at least 1.

    Parameters
    ----------
    successes, sizes, confidence
        As for `clustered_bounds`, shape (..., patients).

    Returns
    -------
    numpy.ndarray
        Shape (...): the variance of the proportion when patients are left out in turn (the
        jackknife) over p (1 - p) / n, times the square of Student's over the normal quantile,
        since it is estimated from few patients; at most n. Never less than 1 + (Σm² / n - 1) ·
        2 / (2 + r), with m cases of a patient and r cases of the rarer outcome, which tell how
        far the cases of a patient agree: without any it is that of cases that always agree,
        Σm² / n (Kish, Survey Sampling, 1965), and so where all are of one patient. 1 where no
        patient has two cases.

    Notes
    -----
    The degrees of freedom are Satterthwaite's, (Σv)² / Σv² - 1, for patients whose sums have the
    variances v = m (1 + (m - 1) / 2) that an intraclass correlation of 1/2 gives: patients with
    one case tell little about how far two agree.

    Examples
    --------
    >>> from microcalc.statistics import proportions
    >>> alike = proportions.design_effects([2, 0, 2], [2, 2, 2])
    >>> alone = proportions.design_effects([1, 0, 1], [1, 1, 1])
    >>> round(float(alike), 2), float(alone)
    (6.0, 1.0)
    """
    k, m = np.asarray(successes, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    n, hits = m.sum(axis=-1), k.sum(axis=-1)
    rarer = np.minimum(hits, n - hits)
    alike = (m**2).sum(axis=-1) / n
    least = 1 + (alike - 1) * 2 / (2 + rarer)
    patients = (m > 0).sum(axis=-1)
    unknown = (rarer == 0) | (patients == 1)
    left, gone = n[..., None] - m, k - m * (hits / n)[..., None]
    moves = np.divide(gone, left, out=np.zeros_like(gone), where=left > 0)
    jackknife = (1 - 1 / patients) * (moves**2).sum(axis=-1)
    spread = m * (m + 1) / 2
    freedom = np.where(unknown, 1.0, spread.sum(axis=-1) ** 2 / (spread**2).sum(axis=-1) - 1)
    tail = 0.5 + confidence / 2
    few = (stdtrit(freedom, tail) / ndtri(tail)) ** 2
    binomial = np.where(unknown, 1.0, hits * (n - hits) / n**3)
    estimated = np.clip(jackknife / binomial * few, least, n)
    return np.asarray(np.where(m.max(axis=-1) <= 1, 1.0, np.where(unknown, alike, estimated)))


def _score_bounds(
    from_low: Floats, from_high: Floats, size: Floats, confidence: float
) -> tuple[Floats, Floats]:
    """Return the lower score bound of one share and the upper of another, of `size` cases."""
    z = float(ndtri(0.5 + confidence / 2))

    def middle(share: Floats) -> Floats:
        return np.asarray((share + z**2 / (2 * size)) / (1 + z**2 / size))

    def reach(share: Floats) -> Floats:
        spread = np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
        return np.asarray(z / (1 + z**2 / size) * spread)

    # In exact arithmetic none reaches 0 and all reaches 1; rounding misses it.
    low = np.where(from_low == 0, 0.0, middle(from_low) - reach(from_low))
    high = np.where(from_high == 1, 1.0, middle(from_high) + reach(from_high))
    return low, high
