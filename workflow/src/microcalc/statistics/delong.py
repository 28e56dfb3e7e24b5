"""The AUC and its comparison after DeLong, DeLong and Clarke-Pearson, Biometrics 1988; 44: 837.

One stable argsort per score (Sun and Xu, IEEE Signal Process Lett 2014; 21: 1389), so a million
cases take a second. Ties count one half, exactly. Agrees with R's pROC, whose habits are kept:
intervals of one AUC are clipped to [0, 1], those of a difference are not.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, ndtr, ndtri, stdtr, stdtrit

from microcalc.core.errors import StudyError
from microcalc.statistics import arrays
from microcalc.statistics.arrays import Bools, Floats
from microcalc.statistics.proportions import wilson_bounds

Transform = Literal["none", "logit", "wilson"]


@dataclass(frozen=True)
class Auc:
    """An AUC with its interval; `variance`, `low` and `high` are NaN when a class has one case.

    Attributes
    ----------
    auc
        0 to 1.
    variance
        Of the AUC, by DeLong's method.
    low, high
        Bounds of the interval.
    n_pos, n_neg
        Cases of each class.
    """

    auc: float
    variance: float
    low: float
    high: float
    n_pos: int
    n_neg: int


@dataclass(frozen=True)
class PairedComparison:
    """Two scores of the same cases: `delta`, `z` and the interval are those of A minus B.

    Attributes
    ----------
    auc_a, auc_b
        0 to 1.
    delta, variance
        The difference and its variance.
    low, high
        Bounds of the difference's interval.
    z, p_value
        Two-sided test that there is no difference.
    n_pos, n_neg
        Cases of each class.
    """

    auc_a: float
    auc_b: float
    delta: float
    variance: float
    low: float
    high: float
    z: float
    p_value: float
    n_pos: int
    n_neg: int


@dataclass(frozen=True)
class UnpairedComparison:
    """One score in two separate groups: `delta`, `t` and the interval are group 1 minus 2.

    Attributes
    ----------
    auc_1, auc_2
        0 to 1.
    delta, variance
        The difference and its variance.
    low, high
        Bounds of the difference's interval.
    t, degrees_of_freedom, p_value
        Two-sided test that there is no difference.
    """

    auc_1: float
    auc_2: float
    delta: float
    variance: float
    low: float
    high: float
    t: float
    degrees_of_freedom: float
    p_value: float


def placements(y: npt.ArrayLike, score: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return each case's placement among the cases of the other class.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,).
    score
        Any real numbers, larger meaning more likely positive, shape (n,).

    Returns
    -------
    v_pos, v_neg
        For each positive case, in the order of `y`, the share of negatives it outranks, shape
        (n_pos,); for each negative case the share of positives that outrank it, shape (n_neg,).
        A tie counts one half. The mean of either is the AUC.

    Raises
    ------
    StudyError
        When a class is empty, a score is NaN, or y holds anything but 0 and 1.

    Examples
    --------
    >>> from microcalc.statistics import delong
    >>> of_positives, of_negatives = delong.placements([0, 0, 1, 1], [1, 3, 2, 3])
    >>> of_positives, of_negatives
    (array([0.5 , 0.75]), array([1.  , 0.25]))
    """
    positive = arrays.outcome(y)
    n_pos, n_neg = arrays.both_classes(positive)
    below_pos, above_neg = _counts(positive, arrays.scores(score, n=positive.size))
    return below_pos / n_neg, above_neg / n_pos


def auc_ci(
    y: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    transform: Transform = "none",
) -> Auc:
    """Return the AUC with DeLong's variance and interval.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,).
    score
        Any real numbers, larger meaning more likely positive, shape (n,).
    confidence
        Coverage of the interval, a fraction.
    transform
        As for `interval`.

    Returns
    -------
    Auc
        With all scores equal the AUC is 0.5 and the variance 0; when the score separates the
        classes perfectly the variance is 0 too. The plain interval is then a point, as pROC has
        it, and the others are NaN: `auc_interval.estimate` puts `constant_ranks`' in their place.

    Raises
    ------
    StudyError
        When a class is empty, a score is NaN, or y holds anything but 0 and 1.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Biometrics 1988; 44: 837.

    Examples
    --------
    >>> from microcalc.statistics import delong
    >>> found = delong.auc_ci([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6])
    >>> round(found.auc, 3), round(found.variance, 4), round(found.low, 3), found.high
    (0.889, 0.0247, 0.581, 1.0)
    """
    arrays.check_confidence(confidence)
    v_pos, v_neg = placements(y, score)
    auc = _mean(v_pos, v_neg)
    variance = _covariance(v_pos, v_pos) / v_pos.size + _covariance(v_neg, v_neg) / v_neg.size
    least = least_variance(auc, v_pos.size, v_neg.size)
    low, high = interval(auc, variance, least, confidence=confidence, transform=transform)
    return Auc(auc, variance, float(low), float(high), v_pos.size, v_neg.size)


def compare_paired(
    y: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike, *, confidence: float = 0.95
) -> PairedComparison:
    """Return DeLong's test of two scores of the same cases.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,).
    a, b
        The two scores, shape (n,) each.
    confidence
        Coverage of the interval of the difference, a fraction.

    Returns
    -------
    PairedComparison
        z has the sign of A minus B. Scores that rank all cases alike give z = 0 and p = 1, and a
        point as the interval, as in pROC. A difference with no variance (a perfect score against
        a constant one) is undetermined: z, p and interval are NaN, where pROC has p = 0. With one
        case in a class the variance is NaN too. `evaluation.compare` puts the exact figures of
        `constant_ranks` in the place of all these.

    Raises
    ------
    StudyError
        When a class is empty, a score is NaN, or y holds anything but 0 and 1.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Biometrics 1988; 44: 837.

    Examples
    --------
    >>> from microcalc.statistics import delong
    >>> y, a, b = [0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6], [2, 1, 5, 3, 1, 4]
    >>> found = delong.compare_paired(y, a, b)
    >>> round(found.delta, 3), round(found.z, 3), round(found.p_value, 3)
    (0.389, 1.373, 0.17)
    """
    arrays.check_confidence(confidence)
    pos_a, neg_a = placements(y, a)
    pos_b, neg_b = placements(y, b)
    auc_a, auc_b = _mean(pos_a, neg_a), _mean(pos_b, neg_b)
    # The variance of the differences themselves, in whole numbers of half pairs: where none
    # differs from another it is 0 without rounding.
    d_pos = np.rint(2 * neg_a.size * (pos_a - pos_b))
    d_neg = np.rint(2 * pos_a.size * (neg_a - neg_b))
    variance = _covariance(d_pos, d_pos) / d_pos.size / (2 * d_neg.size) ** 2
    variance += _covariance(d_neg, d_neg) / d_neg.size / (2 * d_pos.size) ** 2
    return paired(auc_a, auc_b, variance, d_pos.size, d_neg.size, confidence=confidence)


def paired(
    auc_a: float, auc_b: float, variance: float, n_pos: int, n_neg: int, *, confidence: float
) -> PairedComparison:
    """Return the normal test of a difference of AUCs of known variance; see `compare_paired`.

    Parameters
    ----------
    auc_a, auc_b
        The AUCs.
    variance
        Of their difference.
    n_pos, n_neg
        Cases of each class.
    confidence
        Coverage of the interval of the difference, a fraction.

    Returns
    -------
    PairedComparison
        As of `compare_paired`.

    Examples
    --------
    >>> from microcalc.statistics import delong
    >>> found = delong.paired(0.85, 0.75, 0.0025, 40, 60, confidence=0.95)
    >>> round(found.z, 2), round(found.p_value, 4), round(found.low, 3), round(found.high, 3)
    (2.0, 0.0455, 0.002, 0.198)
    """
    delta, error = auc_a - auc_b, math.sqrt(variance)
    z = ratio(delta, error)
    reach = math.nan if math.isnan(z) else float(ndtri(0.5 + confidence / 2)) * error
    return PairedComparison(
        auc_a,
        auc_b,
        delta,
        variance,
        delta - reach,
        delta + reach,
        z,
        float(2 * ndtr(-abs(z))),
        n_pos,
        n_neg,
    )


def compare_unpaired(
    y1: npt.ArrayLike,
    s1: npt.ArrayLike,
    y2: npt.ArrayLike,
    s2: npt.ArrayLike,
    *,
    confidence: float = 0.95,
) -> UnpairedComparison:
    """Return DeLong's test of AUCs from two groups that share no case.

    Parameters
    ----------
    y1, s1
        Outcome and score in group 1, shape (n1,).
    y2, s2
        Outcome and score in group 2, shape (n2,).
    confidence
        Coverage of the interval of the difference, a fraction.

    Returns
    -------
    UnpairedComparison
        t on Welch–Satterthwaite degrees of freedom with n − 1 per group, as pROC has it. Where
        neither group shows a variance, all but the AUCs and their difference is NaN.

    Raises
    ------
    StudyError
        When a class is empty in a group, a score is NaN, or y holds anything but 0 and 1.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Biometrics 1988; 44: 837; Satterthwaite, Biometrics Bull
    1946; 2: 110.

    Examples
    --------
    >>> from microcalc.statistics import delong
    >>> y = [0, 0, 0, 1, 1, 1]
    >>> found = delong.compare_unpaired(y, [1, 2, 4, 3, 5, 6], y, [2, 1, 5, 3, 1, 4])
    >>> round(found.delta, 3), round(found.t, 3), round(found.p_value, 3)
    (0.389, 1.136, 0.291)
    """
    first = auc_ci(y1, s1, confidence=confidence)
    second = auc_ci(y2, s2, confidence=confidence)
    delta = first.auc - second.auc
    variance = first.variance + second.variance
    t = delta / math.sqrt(variance) if variance else math.nan
    spread = sum(group.variance**2 / (group.n_pos + group.n_neg - 1) for group in (first, second))
    freedom = variance**2 / spread if variance else math.nan
    reach = float(stdtrit(freedom, 0.5 + confidence / 2)) * math.sqrt(variance)
    p_value = float(2 * stdtr(freedom, -abs(t)))
    return UnpairedComparison(
        first.auc, second.auc, delta, variance, delta - reach, delta + reach, t, freedom, p_value
    )


def interval(
    auc: npt.ArrayLike,
    variance: npt.ArrayLike,
    least: npt.ArrayLike = 0.0,
    *,
    confidence: float,
    transform: Transform = "none",
) -> tuple[Floats, Floats]:
    """Return the intervals of AUCs of known variance, all within [0, 1].

    Parameters
    ----------
    auc, variance
        Of any shape; NaN gives NaN.
    least
        For "wilson", what the variance is raised to where it is smaller: `least_variance`.
    confidence
        Coverage, a fraction.
    transform
        "none" is the symmetric interval, clipped to [0, 1] as pROC does. "logit" builds it on
        the logit scale by the delta method (Pepe, 2003, section 5.2.4), so that it never leaves
        [0, 1]. "wilson" is Wilson's interval of a proportion, of as many cases as would give the
        AUC's variance: AUC (1 − AUC) / variance. The last two are NaN without a variance, and
        where the AUC is 0 or 1.

    Returns
    -------
    low, high
        Of the same shape.

    Raises
    ------
    StudyError
        When `transform` is none of the three.

    Examples
    --------
    >>> from microcalc.statistics import delong
    >>> low, high = delong.interval(0.8, 0.0016, confidence=0.95, transform="wilson")
    >>> round(float(low), 3), round(float(high), 3)
    (0.711, 0.867)
    """
    a, v = np.asarray(auc, dtype=float), np.asarray(variance, dtype=float)
    z = float(ndtri(0.5 + confidence / 2))
    spread = a * (1 - a)
    with np.errstate(divide="ignore", invalid="ignore"):
        if transform == "none":
            low, high = np.maximum(0, a - z * np.sqrt(v)), np.minimum(1, a + z * np.sqrt(v))
        elif transform == "logit":
            reach = z * np.where(v > 0, np.sqrt(v), np.nan) / spread
            low, high = expit(logit(a) - reach), expit(logit(a) + reach)
        elif transform == "wilson":
            cases = spread / np.where(v > 0, np.maximum(v, least), np.nan)
            low, high = wilson_bounds(a * cases, cases, confidence=confidence)
        else:
            raise StudyError(
                f"the interval's transform is {transform!r}; expected none, logit or wilson"
            )
    return low, high


def least_variance(auc: npt.ArrayLike, n_pos: npt.ArrayLike, n_neg: npt.ArrayLike) -> Floats:
    """Return the variance of an AUC that smooth scores have at this size.

    Parameters
    ----------
    auc
        In [0, 1].
    n_pos, n_neg
        Cases of each class.

    Returns
    -------
    numpy.ndarray
        Of the parameters' common shape.

    Notes
    -----
    Hanley and McNeil's formula for exponential scores, with the mean size of the two classes in
    the place of each (Newcombe, Stat Med 2006; 25: 559, method 5). Near an AUC of 1 most cases
    outrank the whole other class, and DeLong's estimate, which sees the few that do not, is often
    far too small.

    Examples
    --------
    >>> from microcalc.statistics import delong
    >>> float(delong.least_variance(0.8, 40, 60).round(5))
    0.00206
    """
    a, m, n = (np.asarray(value, dtype=float) for value in (auc, n_pos, n_neg))
    others = (m + n) / 2 - 1
    return np.asarray(a * (1 - a) * (1 + others * ((1 - a) / (2 - a) + a / (1 + a))) / (m * n))


def ratio(delta: float, error: float) -> float:
    """Return delta / error where 0 / 0 is 0 (no difference, no doubt) and x / 0 is NaN.

    Parameters
    ----------
    delta
        A difference.
    error
        Its standard error.

    Returns
    -------
    float
        A z value.

    Examples
    --------
    >>> from microcalc.statistics import delong
    >>> delong.ratio(0.1, 0.05), delong.ratio(0.0, 0.0), delong.ratio(0.1, 0.0)
    (2.0, 0.0, nan)
    """
    if error == 0:
        return math.nan if delta else 0.0
    return delta / error


def _mean(v_pos: Floats, v_neg: Floats) -> float:
    # Sums of half-integers are exact, so swapping the classes mirrors the AUC to the last bit.
    return float(np.rint(2 * v_neg.size * v_pos).sum() / (2 * v_pos.size * v_neg.size))


def _covariance(a: Floats, b: Floats) -> float:
    if a.size < 2:
        return math.nan
    return float((a - a.mean()) @ (b - b.mean()) / (a.size - 1))


def _counts(positive: Bools, score: Floats) -> tuple[Floats, Floats]:
    """Return per positive the number of negatives below, per negative of positives above it."""
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    sizes = np.diff(last, prepend=-1)
    pos_until = np.cumsum(positive[order])[last]
    neg_until = last + 1 - pos_until
    pos_tied, neg_tied = np.diff(pos_until, prepend=0), np.diff(neg_until, prepend=0)
    neg_below = np.empty(score.size)
    neg_below[order] = np.repeat(neg_until - neg_tied / 2, sizes)
    pos_above = np.empty(score.size)
    pos_above[order] = np.repeat(pos_until[-1] - pos_until + pos_tied / 2, sizes)
    return neg_below[positive], pos_above[~positive]
