"""Reclassification: continuous and categorical NRI, and IDI."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from microcalc.core.errors import StudyError
from microcalc.statistics import arrays
from microcalc.statistics.arrays import Bools, Floats


@dataclass(frozen=True)
class Improvement:
    """An index that is the sum of its part among the positives and that among the negatives.

    Attributes
    ----------
    estimate, error
        The index and its standard error.
    positives, positives_error, negatives, negatives_error
        The part of each class and its standard error.
    """

    estimate: float
    error: float
    positives: float
    positives_error: float
    negatives: float
    negatives_error: float

    @property
    def z(self) -> float:
        """The estimate over its standard error."""
        return self.estimate / self.error if self.error else math.nan


def continuous_nri(y: npt.ArrayLike, old: npt.ArrayLike, new: npt.ArrayLike) -> Improvement:
    """Return the category-free net reclassification improvement.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,), both classes.
    old, new
        The two models' probabilities, shape (n,).

    Returns
    -------
    Improvement
        (share of positives whose probability rises − falls) + (share of negatives whose
        probability falls − rises), between −2 and 2; errors not under the null (Pencina, Stat
        Med 2011; 30: 11), as in Hmisc's improveProb.

    Raises
    ------
    StudyError
        When a class is empty, a probability is missing or outside [0, 1].

    Examples
    --------
    >>> from microcalc.statistics import reclassification
    >>> y, old, new = [0, 0, 1, 1], [0.4, 0.3, 0.5, 0.6], [0.3, 0.2, 0.7, 0.5]
    >>> found = reclassification.continuous_nri(y, old, new)
    >>> found.positives, found.negatives, found.estimate
    (0.0, 1.0, 1.0)
    """
    positive, a, b = _checked(y, old, new)
    return _from_moves(positive, np.sign(b - a))


def categorical_nri(
    y: npt.ArrayLike, old: npt.ArrayLike, new: npt.ArrayLike, *, cuts: Sequence[float]
) -> Improvement:
    """Return the net reclassification improvement over risk categories.

    Parameters
    ----------
    y, old, new
        As for `continuous_nri`.
    cuts
        The categories' limits inside (0, 1), rising; a probability at a cut is in the upper one.

    Returns
    -------
    Improvement
        (share of positives that move up − down) + (share of negatives that move down − up).

    Raises
    ------
    StudyError
        As `continuous_nri`, and when the cuts do not rise inside (0, 1).

    References
    ----------
    Pencina, Stat Med 2008; 27: 157; errors as in `continuous_nri`.

    Examples
    --------
    >>> from microcalc.statistics import reclassification
    >>> y, old, new = [0, 0, 1, 1], [0.4, 0.3, 0.4, 0.6], [0.3, 0.2, 0.7, 0.8]
    >>> found = reclassification.categorical_nri(y, old, new, cuts=[0.5])
    >>> found.positives, found.negatives, found.estimate
    (0.5, 0.0, 0.5)
    """
    positive, a, b = _checked(y, old, new)
    limits = np.asarray(cuts, dtype=float)
    inside = limits.size and (limits > 0).all() and (limits < 1).all()
    if not inside or not (np.diff(limits) > 0).all():
        raise StudyError(f"reclassification cuts are {list(cuts)}; expected rising, in (0, 1)")
    categories = [np.searchsorted(limits, p, side="right") for p in (a, b)]
    return _from_moves(positive, np.sign(categories[1] - categories[0]))


def idi(y: npt.ArrayLike, old: npt.ArrayLike, new: npt.ArrayLike) -> Improvement:
    """Return the integrated discrimination improvement (Pencina, Stat Med 2008; 27: 157).

    Parameters
    ----------
    y, old, new
        As for `continuous_nri`.

    Returns
    -------
    Improvement
        Mean rise of the probability among the positives + mean fall among the negatives.

    Raises
    ------
    StudyError
        As `continuous_nri`.

    Examples
    --------
    >>> from microcalc.statistics import reclassification
    >>> y, old, new = [0, 0, 1, 1], [0.4, 0.3, 0.5, 0.6], [0.3, 0.2, 0.7, 0.5]
    >>> round(reclassification.idi(y, old, new).estimate, 3)  # 0.05 + 0.1
    0.15
    """
    positive, a, b = _checked(y, old, new)
    rise, fall = (b - a)[positive], (a - b)[~positive]
    return _joined(float(rise.mean()), _error(rise), float(fall.mean()), _error(fall))


def _checked(
    y: npt.ArrayLike, old: npt.ArrayLike, new: npt.ArrayLike
) -> tuple[Bools, Floats, Floats]:
    positive = arrays.outcome(y)
    arrays.both_classes(positive)
    a = arrays.probabilities(old, n=positive.size, name="the old model's probability")
    b = arrays.probabilities(new, n=positive.size, name="the new model's probability")
    return positive, a, b


def _from_moves(positive: Bools, moves: npt.ArrayLike) -> Improvement:
    up = np.asarray(moves, dtype=float)
    parts = []
    for signed in (up[positive], -up[~positive]):
        net, moved = float(signed.mean()), float(np.abs(signed).mean())
        parts += [net, math.sqrt(max(0.0, moved - net**2) / signed.size)]
    return _joined(*parts)


def _joined(
    positives: float, positives_error: float, negatives: float, negatives_error: float
) -> Improvement:
    return Improvement(
        positives + negatives,
        math.hypot(positives_error, negatives_error),
        positives,
        positives_error,
        negatives,
        negatives_error,
    )


def _error(values: Floats) -> float:
    return float(math.sqrt(values.var(ddof=1) / values.size)) if values.size > 1 else math.nan
