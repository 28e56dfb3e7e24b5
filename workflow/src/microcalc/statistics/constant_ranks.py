"""What can be said of an AUC, or of a difference of two, where the data show no variance.

A score that separates the classes, or never varies, ranks every pair of a positive and a negative
case alike, and so do two such scores beside each other. DeLong's variance is then 0 and no
bootstrap sample differs, which is ignorance, not certainty. Disjoint pairs are independent of each
other, and what is certain follows from their number alone.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from microcalc.statistics import arrays, resampling
from microcalc.statistics.arrays import Floats

# Pairs looked at in one step, about 30 MB.
BLOCK = 2**22


@dataclass(frozen=True)
class Alike:
    """Every pair of a positive and a negative case shows the same value.

    Attributes
    ----------
    value
        Of one score: 1 where the positive case ranks higher, 0.5 where the two are tied, 0. Of
        two scores: the first one's less the second's. It is the estimate, too.
    pairs
        How many disjoint pairs can be formed, no patient being in two of them.
    lowest
        The smallest value possible: 0 of one score, −1 of a difference. The largest is 1.
    """

    value: float
    pairs: int
    lowest: float = 0.0

    def interval(self, *, confidence: float) -> tuple[float, float]:
        """Return an exact interval of the expected value, whatever the scores' distribution.

        Parameters
        ----------
        confidence
            Coverage of the interval, a fraction.

        Returns
        -------
        low, high : float
            Between `lowest` and 1.

        Raises
        ------
        StudyError
            When the confidence is not strictly between 0 and 1.

        Notes
        -----
        By Markov's inequality a pair reaches `value` with a probability of at most (mean −
        lowest) / (value − lowest), and all k pairs with at most its k-th power; the lower bound
        is the mean at which that is α/2, the upper bound its mirror image. Scores that take the
        value or the lowest reach it, so without assumptions on the scores no narrower interval
        is exact. For a perfect score it is Clopper and Pearson's of k successes in k.
        """
        share = (0.5 - arrays.check_confidence(confidence) / 2) ** (1 / self.pairs)
        low = self.lowest + (self.value - self.lowest) * share
        return float(low), float(1 - (1 - self.value) * share)

    def p_above(self, mean: float) -> float:
        """Return the exact one-sided P value against an expected value of at most `mean`.

        Parameters
        ----------
        mean
            Between `lowest` and 1.

        Returns
        -------
        float
            By Markov's inequality, as `interval`.
        """
        if self.value <= mean:
            return 1.0
        return float(((mean - self.lowest) / (self.value - self.lowest)) ** self.pairs)

    def p_below(self, mean: float) -> float:
        """Return the exact one-sided P value against an expected value of at least `mean`.

        Parameters
        ----------
        mean
            Between `lowest` and 1.

        Returns
        -------
        float
            By Markov's inequality, as `interval`.
        """
        if self.value >= mean:
            return 1.0
        return float(((1 - mean) / (1 - self.value)) ** self.pairs)


def alike(
    y: npt.ArrayLike,
    score: npt.ArrayLike,
    other: npt.ArrayLike | None = None,
    patients: npt.ArrayLike | None = None,
) -> Alike | None:
    """Return what every pair of cases shows, or None when pairs differ.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,).
    score
        Any real numbers, larger meaning more likely positive, shape (n,).
    other
        A second score of the same cases: the value is then that of the difference.
    patients
        Patient of each case, shape (n,); None when each case is a patient of its own.

    Returns
    -------
    Alike or None
        The value that every pair shows, and how many disjoint pairs of patients there are.

    Raises
    ------
    StudyError
        When a class is empty, a score is NaN, or y holds anything but 0 and 1.

    Examples
    --------
    >>> from microcalc.statistics import constant_ranks
    >>> found = constant_ranks.alike([0, 0, 1, 1, 1], [1, 2, 3, 4, 5])
    >>> found.value, found.pairs
    (1.0, 2)
    >>> constant_ranks.alike([0, 1, 0, 1], [1, 2, 3, 4]) is None
    True
    """
    positive = arrays.outcome(y)
    n_pos, n_neg = arrays.both_classes(positive)
    given = [score] if other is None else [score, other]
    values = [arrays.scores(one, n=positive.size) for one in given]
    step = max(1, BLOCK // n_neg)
    found = None
    for start in range(0, n_pos, step):
        shown = [_order(one[positive][start : start + step], one[~positive]) for one in values]
        value = shown[0] if other is None else shown[0] - shown[1]
        found = value[0, 0] if found is None else found
        if (value != found).any():
            return None
    codes = np.arange(positive.size) if patients is None else resampling.patient_codes(patients)
    with_pos, with_neg = np.unique(codes[positive]), np.unique(codes[~positive])
    either = np.union1d(with_pos, with_neg).size
    pairs = max(1, min(with_pos.size, with_neg.size, either // 2))
    return Alike(float(found or 0.0), pairs, 0.0 if other is None else -1.0)


def exact_interval(
    y: npt.ArrayLike,
    score: npt.ArrayLike,
    patients: npt.ArrayLike | None = None,
    *,
    confidence: float = 0.95,
) -> tuple[float, float] | None:
    """Return a distribution-free exact interval of an AUC without variance, else None.

    Parameters
    ----------
    y, score, patients
        As for `alike`.
    confidence
        Coverage of the interval, a fraction.

    Returns
    -------
    tuple of float or None
        With k disjoint pairs: ((α/2)^(1/k), 1) for an AUC of 1, its mirror image for 0, and
        ½ ± (½ − ½ (α/2)^(1/k)) where all scores are equal. None when pairs differ.

    Raises
    ------
    StudyError
        As `alike`.

    Examples
    --------
    >>> from microcalc.statistics import constant_ranks
    >>> low, high = constant_ranks.exact_interval([1, 1, 1, 0, 0, 0], [4, 5, 6, 1, 2, 3])
    >>> round(low, 3), high
    (0.292, 1.0)
    """
    arrays.check_confidence(confidence)
    found = alike(y, score, patients=patients)
    return found.interval(confidence=confidence) if found else None


def _order(positives: Floats, negatives: Floats) -> Floats:
    """Return 1 where a positive case ranks above a negative one, 0.5 where tied, else 0."""
    above, tied = positives[:, None] > negatives, positives[:, None] == negatives
    return np.asarray(above + 0.5 * tied)
