"""Operating threshold: the probability from which a case is positive, chosen on training scores."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from microcalc.core.errors import StudyError

Rule = Literal["youden", "sensitivity", "specificity"]

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


def choose(
    y: ArrayLike, probability: ArrayLike, *, rule: Rule, at_least: float | None = None
) -> Threshold:
    """Return the threshold that a rule chooses.

    Candidates lie halfway between neighboring distinct probabilities, so that rounding in
    the last digit moves no case across; above the largest probability nobody is positive.

    Parameters
    ----------
    y
        0 or 1, shape (n,), both present.
    probability
        Shape (n,), in [0, 1].
    rule
        "youden": the largest sensitivity + specificity - 1 (Youden 1950), ties go to the highest
        specificity. "sensitivity": the highest specificity among those whose sensitivity is
        `at_least` so much. "specificity": the other way round.
    at_least
        Between 0 and 1, both excluded; of no use to Youden's rule.

    Returns
    -------
    Threshold
        With the sensitivity and specificity that it reaches on these cases.

    Raises
    ------
    StudyError
        When a required sensitivity or specificity is not given.
    ValueError
        When a class is empty.

    References
    ----------
    Youden, Cancer 1950; 3: 32.

    Examples
    --------
    >>> from microcalc.models import threshold
    >>> y, p = [0, 0, 1, 0, 1, 1], [0.1, 0.3, 0.4, 0.6, 0.7, 0.9]
    >>> chosen = threshold.choose(y, p, rule="sensitivity", at_least=0.9)
    >>> round(chosen.value, 3), chosen.sensitivity, round(chosen.specificity, 3)
    (0.35, 1.0, 0.667)
    """
    outcome, score = np.asarray(y), np.asarray(probability, dtype=float)
    n_pos, n_neg = int((outcome == 1).sum()), int((outcome == 0).sum())
    if n_pos == 0 or n_neg == 0:
        raise ValueError(f"a threshold needs both classes; got {n_pos} and {n_neg} cases")
    order = np.argsort(-score, kind="stable")
    descending = score[order]
    ends = np.append(descending[:-1] - descending[1:] > SAME, True)
    true_positive = np.append(0, np.cumsum(outcome[order] == 1)[ends])
    false_positive = np.append(0, np.cumsum(outcome[order] == 0)[ends])
    if rule == "youden":
        # As an integer, n_pos * n_neg * J: equal values must compare equal.
        best = int(np.argmax(true_positive * n_neg - false_positive * n_pos))
    elif at_least is None:
        raise StudyError(f"threshold.rule is {rule}, so threshold.at_least has to say how much")
    elif rule == "sensitivity":
        # SAME: 0.9 of 10 cases are 9, whatever the product's last digit.
        best = int(np.argmax(true_positive >= at_least * n_pos - SAME))
    else:
        enough = n_neg - false_positive >= at_least * n_neg - SAME
        best = int(np.flatnonzero(enough)[-1])
        # Of those that reach the same cases the highest: no false positive for nothing.
        best = int(np.argmax(true_positive == true_positive[best]))
    last_of_group = descending[ends]
    first_of_group = descending[np.append(0, np.flatnonzero(ends)[:-1] + 1)]
    above = np.append(max(1.0, score.max() + 2 * SAME), last_of_group)
    below = np.append(first_of_group, 0.0)
    return Threshold(
        float((above[best] + below[best]) / 2),
        float(true_positive[best] / n_pos),
        float(1 - false_positive[best] / n_neg),
    )
