"""What a model does at one threshold, and the threshold that Youden would choose."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from microcalc.errors import StudyError
from microcalc.evaluation import arrays
from microcalc.evaluation.proportions import Proportion, wilson


@dataclass(frozen=True)
class OperatingPoint:
    """The two-by-two table at a threshold and what follows from it.

    A proportion without a denominator (PPV when no case is called positive, sensitivity when
    there is no positive case) is NaN, and so is F1 when there is neither a positive case nor a
    positive call.
    """

    threshold: float
    tp: int
    fp: int
    tn: int
    fn: int
    sensitivity: Proportion
    specificity: Proportion
    accuracy: Proportion
    ppv: Proportion
    npv: Proportion
    f1: float


def measure(
    y: npt.ArrayLike, probability: npt.ArrayLike, threshold: float, *, confidence: float = 0.95
) -> OperatingPoint:
    """Return what calling `probability ≥ threshold` positive amounts to.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,). One class alone is allowed.
    probability
        Any score on the scale of the threshold, shape (n,).
    threshold
        A case at the threshold is called positive.
    confidence
        Coverage of the Wilson intervals, a fraction.

    Raises
    ------
    StudyError
        When y holds anything but 0 and 1, or a probability or the threshold is NaN.
    """
    positive = arrays.outcome(y)
    called = arrays.scores(probability, n=positive.size, name="probability") >= threshold
    if math.isnan(threshold):
        raise StudyError("the threshold is NaN; expected a number")
    tp = int(np.sum(called & positive))
    fp = int(np.sum(called & ~positive))
    fn = int(np.sum(~called & positive))
    tn = positive.size - tp - fp - fn
    return from_counts(tp, fp, tn, fn, threshold=threshold, confidence=confidence)


def from_counts(
    tp: int, fp: int, tn: int, fn: int, *, threshold: float = math.nan, confidence: float = 0.95
) -> OperatingPoint:
    """Return the operating point of a known two-by-two table."""
    called_or_positive = 2 * tp + fp + fn
    return OperatingPoint(
        threshold=threshold,
        tp=tp,
        fp=fp,
        tn=tn,
        fn=fn,
        sensitivity=wilson(tp, tp + fn, confidence=confidence),
        specificity=wilson(tn, tn + fp, confidence=confidence),
        accuracy=wilson(tp + tn, tp + fp + tn + fn, confidence=confidence),
        ppv=wilson(tp, tp + fp, confidence=confidence),
        npv=wilson(tn, tn + fn, confidence=confidence),
        f1=2 * tp / called_or_positive if called_or_positive else math.nan,
    )


def youden(y: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Return the threshold with the largest sensitivity + specificity.

    It is one of the scores themselves (a case at the threshold is positive) or +inf, which
    calls none positive. Of thresholds that do equally well the one with the highest specificity
    is taken.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,).
    score
        Any real numbers, larger meaning more likely positive, shape (n,).

    Raises
    ------
    StudyError
        When a class is empty, a score is NaN, or y holds anything but 0 and 1.
    """
    positive = arrays.outcome(y)
    n_pos, n_neg = arrays.both_classes(positive)
    score = arrays.scores(score, n=positive.size)
    thresholds, group = np.unique(score, return_inverse=True)
    pos_at = np.bincount(group, weights=positive, minlength=thresholds.size)
    neg_at = np.bincount(group, weights=~positive, minlength=thresholds.size)
    called_pos = pos_at[::-1].cumsum()
    called_neg = neg_at[::-1].cumsum()
    # Whole numbers, so that equal indices are equal: n_pos · n_neg · (TPR − FPR).
    index = np.concatenate([[0.0], called_pos * n_neg - called_neg * n_pos])
    best = int(np.argmax(index))
    return float(np.concatenate([[np.inf], thresholds[::-1]])[best])
