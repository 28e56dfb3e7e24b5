"""The probability from which a case counts as positive, chosen on training scores."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

# Probabilities this close differ by rounding alone.
SAME = 1e-9


@dataclass(frozen=True)
class Threshold:
    """A threshold with what it reached on the scores it was chosen on.

    Attributes
    ----------
    value
        Positive is probability >= value.
    sensitivity, specificity
        Fractions of the cases it was chosen on.
    """

    value: float
    sensitivity: float
    specificity: float


def youden(y: ArrayLike, probability: ArrayLike) -> Threshold:
    """Return the threshold with the largest sensitivity + specificity - 1 (Youden 1950).

    Candidates lie halfway between neighboring distinct probabilities, so that rounding in
    the last digit moves no case across; above the largest probability nobody is positive.
    Ties go to the highest specificity.

    Parameters
    ----------
    y
        0 or 1, shape (n,), both present.
    probability
        Shape (n,), in [0, 1].
    """
    outcome, score = np.asarray(y), np.asarray(probability, dtype=float)
    n_pos, n_neg = int((outcome == 1).sum()), int((outcome == 0).sum())
    if n_pos == 0 or n_neg == 0:
        raise ValueError(f"Youden's index needs both classes; got {n_pos} and {n_neg} cases")
    order = np.argsort(-score, kind="stable")
    descending = score[order]
    ends = np.append(descending[:-1] - descending[1:] > SAME, True)
    true_positive = np.append(0, np.cumsum(outcome[order] == 1)[ends])
    false_positive = np.append(0, np.cumsum(outcome[order] == 0)[ends])
    # As an integer, n_pos * n_neg * J: equal values must compare equal.
    index = true_positive * n_neg - false_positive * n_pos
    best = int(np.argmax(index))
    last_of_group = descending[ends]
    first_of_group = descending[np.append(0, np.flatnonzero(ends)[:-1] + 1)]
    above = np.append(max(1.0, score.max() + 2 * SAME), last_of_group)
    below = np.append(first_of_group, 0.0)
    return Threshold(
        float((above[best] + below[best]) / 2),
        float(true_positive[best] / n_pos),
        float(1 - false_positive[best] / n_neg),
    )
