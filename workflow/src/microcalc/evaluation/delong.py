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
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from microcalc.errors import StudyError
from microcalc.evaluation import arrays
from microcalc.evaluation.arrays import Bools, Floats

Transform = Literal["none", "logit"]


@dataclass(frozen=True)
class Auc:
    """An AUC with its interval; `variance`, `low` and `high` are NaN when a class has one case."""

    auc: float
    variance: float
    low: float
    high: float
    n_pos: int
    n_neg: int


@dataclass(frozen=True)
class PairedComparison:
    """Two scores of the same cases: `delta`, `z` and the interval are those of A minus B."""

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
    """One score in two separate groups: `delta`, `t` and the interval are group 1 minus 2."""

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
        "none" is the symmetric interval, clipped to [0, 1] as pROC does. "logit" builds it on
        the logit scale by the delta method (Pepe, 2003, section 5.2.4), so that it never leaves
        [0, 1]; at an AUC of exactly 0 or 1, where the logit is infinite, it is the point.

    Returns
    -------
    Auc
        With all scores equal the AUC is 0.5 and the variance 0; when the score separates the
        classes perfectly the variance is 0 too, and DeLong's interval is the point [1, 1]: see
        `separation` for intervals that say more.

    Raises
    ------
    StudyError
        When a class is empty, a score is NaN, or y holds anything but 0 and 1.
    """
    arrays.check_confidence(confidence)
    v_pos, v_neg = placements(y, score)
    auc = _mean(v_pos, v_neg)
    variance = _covariance(v_pos, v_pos) / v_pos.size + _covariance(v_neg, v_neg) / v_neg.size
    low, high = interval(auc, variance, confidence=confidence, transform=transform)
    return Auc(auc, variance, low, high, v_pos.size, v_neg.size)


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
        z has the sign of A minus B. No difference with no variance (identical or equally
        ranked scores) is z = 0, p = 1; a difference with no variance (a perfect score against a
        constant one) is z = ±inf, p = 0, as in pROC; with one case in a class variance, z and p
        are NaN.

    Raises
    ------
    StudyError
        When a class is empty, a score is NaN, or y holds anything but 0 and 1.
    """
    arrays.check_confidence(confidence)
    pos_a, neg_a = placements(y, a)
    pos_b, neg_b = placements(y, b)
    auc_a, auc_b = _mean(pos_a, neg_a), _mean(pos_b, neg_b)
    delta = auc_a - auc_b
    # The variance of the differences themselves: identical scores give 0 without rounding.
    d_pos, d_neg = pos_a - pos_b, neg_a - neg_b
    variance = _covariance(d_pos, d_pos) / d_pos.size + _covariance(d_neg, d_neg) / d_neg.size
    z = ratio(delta, math.sqrt(variance))
    reach = float(ndtri(0.5 + confidence / 2)) * math.sqrt(variance)
    p_value = float(2 * ndtr(-abs(z)))
    return PairedComparison(
        auc_a,
        auc_b,
        delta,
        variance,
        delta - reach,
        delta + reach,
        z,
        p_value,
        pos_a.size,
        neg_a.size,
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
        t on Welch–Satterthwaite degrees of freedom with n − 1 per group, as pROC has it.

    Raises
    ------
    StudyError
        When a class is empty in a group, a score is NaN, or y holds anything but 0 and 1.
    """
    first = auc_ci(y1, s1, confidence=confidence)
    second = auc_ci(y2, s2, confidence=confidence)
    delta = first.auc - second.auc
    variance = first.variance + second.variance
    t = ratio(delta, math.sqrt(variance))
    spread = sum(group.variance**2 / (group.n_pos + group.n_neg - 1) for group in (first, second))
    freedom = variance**2 / spread if spread else math.inf
    reach = float(stdtrit(freedom, 0.5 + confidence / 2)) * math.sqrt(variance)
    p_value = float(2 * stdtr(freedom, -abs(t)))
    return UnpairedComparison(
        first.auc, second.auc, delta, variance, delta - reach, delta + reach, t, freedom, p_value
    )


def interval(
    auc: float, variance: float, *, confidence: float, transform: Transform = "none"
) -> tuple[float, float]:
    """Return the interval of an AUC of known variance, within [0, 1]; see `auc_ci`."""
    if math.isnan(variance):
        return math.nan, math.nan
    quantile = float(ndtri(0.5 + confidence / 2))
    if transform == "none":
        reach = quantile * math.sqrt(variance)
        return max(0.0, auc - reach), min(1.0, auc + reach)
    if transform != "logit":
        raise StudyError(f"the interval's transform is {transform!r}; expected none or logit")
    if auc in (0.0, 1.0):
        return auc, auc
    center = math.log(auc / (1 - auc))
    reach = quantile * math.sqrt(variance) / (auc * (1 - auc))
    return _expit(center - reach), _expit(center + reach)


def ratio(delta: float, error: float) -> float:
    """Return delta / error where 0 / 0 is 0 (no difference, no doubt) and x / 0 is ±inf."""
    if error == 0:
        return math.copysign(math.inf, delta) if delta else 0.0
    return delta / error


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0


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
