"""Precision and recall: average precision, and its interval."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from microcalc.core.errors import StudyError
from microcalc.statistics import arrays, resampling
from microcalc.statistics.arrays import Bools, Floats
from microcalc.statistics.resampling import Integers


@dataclass(frozen=True)
class Ranking:
    """Cases from the highest score down.

    Attributes
    ----------
    order
        Places of the cases, highest score first, shape (n,).
    positive
        Their class in that order, shape (n,).
    last
        Place, in that order, of the last case of each distinct score, shape (k,).
    """

    order: npt.NDArray[np.intp]
    positive: Bools
    last: npt.NDArray[np.intp]

    @classmethod
    def of(cls, positive: Bools, score: Floats) -> Self:
        """Return the ranking of cases by score.

        Parameters
        ----------
        positive
            Whether a case is positive, shape (n,).
        score
            Larger meaning more likely positive, shape (n,).

        Returns
        -------
        Ranking
            Of equal scores in the order given.
        """
        order = np.argsort(-score, kind="stable")
        ranked = score[order]
        last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        return cls(order, positive[order], last)


def average_precision(y: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Return the mean precision over the positives: Σ (recall step) · precision.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,), at least one positive.
    score
        Any real numbers, larger meaning more likely positive, shape (n,).

    Returns
    -------
    float
        In (0, 1].

    Raises
    ------
    StudyError
        When there is no positive case, a score is NaN, or y holds anything but 0 and 1.

    Notes
    -----
    Steps, not trapezoids, which flatter (Davis and Goadrich, ICML 2006). The reference line is
    the share of positives, not one half, so it compares between sets of equal prevalence only.

    Examples
    --------
    >>> from microcalc.statistics import precision_recall
    >>> round(precision_recall.average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333
    """
    positive = arrays.outcome(y)
    if not positive.any():
        raise StudyError("there is no positive case; precision and recall are not defined")
    score = arrays.scores(score, n=positive.size)
    return float(_average_precision(each_once(positive.size), Ranking.of(positive, score))[0])


def average_precision_ci(
    y: npt.ArrayLike,
    score: npt.ArrayLike,
    patients: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    resamples: int,
    confidence: float = 0.95,
) -> tuple[float, float, float]:
    """Return average precision with its bootstrap percentile interval: (estimate, low, high).

    Parameters
    ----------
    y, score
        As for `average_precision`.
    patients
        Patient of each case, shape (n,): patients are drawn, with all their cases.
    rng, resamples
        See `resampling.case_weights`.
    confidence
        Coverage of the interval, a fraction.

    Returns
    -------
    estimate, low, high : float
        The interval is NaN as `resampling.percentile` says.

    Raises
    ------
    StudyError
        As `average_precision`.

    Examples
    --------
    >>> from microcalc.core import seeds
    >>> from microcalc.statistics import precision_recall
    >>> y, score, rng = [0, 0, 1, 1] * 5, [0.1, 0.4, 0.35, 0.8] * 5, seeds.stream(1, "precision")
    >>> ap, low, high = precision_recall.average_precision_ci(
    ...     y, score, range(20), rng=rng, resamples=200
    ... )
    >>> round(ap, 4), low < ap < high
    (0.8333, True)
    """
    estimate = average_precision(y, score)
    positive = arrays.outcome(y)
    ranking = Ranking.of(positive, arrays.scores(score, n=positive.size))
    codes = resampling.patient_codes(patients)[ranking.order]
    chunks = resampling.case_weights(codes, rng, resamples=resamples)
    replicates = np.concatenate([_average_precision(weights, ranking) for weights in chunks])
    return (estimate, *resampling.percentile(replicates, confidence=confidence))


def cumulated(weights: Integers, ranking: Ranking) -> tuple[Integers, Integers]:
    """Return cases and positives with at least each distinct score, from the highest, (b, t).

    `weights` are those of the cases as they are ranked, shape (b, n).

    Parameters
    ----------
    weights
        How often each sample holds each case, in the order of the ranking, shape (b, n).
    ranking
        Of n cases with t distinct scores, from `Ranking.of`.

    Returns
    -------
    called, true : numpy.ndarray
        Whole numbers, shape (b, t).

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.statistics import precision_recall
    >>> y, score = np.array([False, True, True]), np.array([1.0, 1.0, 2.0])
    >>> ranking = precision_recall.Ranking.of(y, score)
    >>> precision_recall.cumulated(precision_recall.each_once(3), ranking)
    (array([[1, 3]]), array([[1, 2]]))
    """
    called = weights.cumsum(axis=1)[:, ranking.last]
    true = (weights * ranking.positive).cumsum(axis=1)[:, ranking.last]
    return called, true


def each_once(n: int) -> Integers:
    """Return the weights of one sample that holds each of n cases once, shape (1, n).

    Parameters
    ----------
    n
        Number of cases.

    Returns
    -------
    numpy.ndarray
        Ones, shape (1, n).

    Examples
    --------
    >>> from microcalc.statistics import precision_recall
    >>> precision_recall.each_once(3)
    array([[1, 1, 1]])
    """
    return np.ones((1, n), dtype=np.int64)


def _average_precision(weights: Integers, ranking: Ranking) -> Floats:
    called, true = cumulated(weights, ranking)
    steps = np.diff(true, axis=1, prepend=0)
    total = true[:, -1].astype(np.float64)
    precision = np.divide(true, called, out=np.zeros(true.shape), where=called > 0)
    summed = (steps * precision).sum(axis=1)
    missing = np.full(total.shape, np.nan)
    return np.asarray(np.divide(summed, total, out=missing, where=total > 0))
