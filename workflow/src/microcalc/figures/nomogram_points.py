"""Points of a nomogram: how a logistic model's terms become points.

As rms::nomogram does it: the term that can move the log odds most spans 0 to 100 points, and
every other term is drawn on the same scale (Harrell, Regression Modeling Strategies, ch. 5).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.ticker import MaxNLocator
from scipy.special import expit, logit

if TYPE_CHECKING:
    from microcalc.models.frozen import FrozenModel, ModelTerm

Floats = npt.NDArray[np.float64]
LONGEST = 100.0


@dataclass(frozen=True)
class Axis:
    """One predictor's axis.

    Attributes
    ----------
    variable
        Its name in the model.
    labels, points
        Tick labels and the points they stand for.
    """

    variable: str
    labels: tuple[str, ...]
    points: tuple[float, ...]


@dataclass(frozen=True)
class Scale:
    """A whole nomogram: log odds = `base` + `per_point` × total points.

    Attributes
    ----------
    axes
        In the order of the model's terms; a term that never moves has none.
    base
        Log odds at zero points.
    per_point
        Log odds per point.
    """

    axes: tuple[Axis, ...]
    base: float
    per_point: float
    _terms: "tuple[tuple[ModelTerm, float], ...]"

    def of_case(self, case: Mapping[str, Any]) -> dict[str, float]:
        """Return the points of a case.

        Parameters
        ----------
        case
            By variable a number, or a level; every value must be known.

        Returns
        -------
        dict
            Points per variable that has an axis.

        Raises
        ------
        KeyError
            When a variable is missing.
        """
        return {
            term["variable"]: (_contribution(term, case[term["variable"]]) - least) / self.per_point
            for term, least in self._terms
        }

    def probability(self, total: npt.ArrayLike) -> Floats:
        """Return the probability that a total of points stands for.

        Parameters
        ----------
        total
            Points, any shape.

        Returns
        -------
        numpy.ndarray
            Of the positive class, in the shape of `total`.
        """
        return np.asarray(expit(self.base + self.per_point * np.asarray(total, dtype=float)))

    def total(self, probability: npt.ArrayLike) -> Floats:
        """Return the total of points that a probability stands for.

        Parameters
        ----------
        probability
            In [0, 1], any shape.

        Returns
        -------
        numpy.ndarray
            Points, in the shape of `probability`; infinite for 0 and 1.
        """
        odds = logit(np.asarray(probability, dtype=float))
        return np.asarray((odds - self.base) / self.per_point)

    @property
    def most(self) -> float:
        """The largest total."""
        return float(sum(max(axis.points) for axis in self.axes))


def scale(model: "FrozenModel", ranges: Mapping[str, tuple[float, float]]) -> Scale | None:
    """Return the nomogram of a frozen model.

    Parameters
    ----------
    model
        A frozen model: `intercept` and `terms`.
    ranges
        Smallest and largest training value of each continuous variable and of each score;
        their axes run between the round numbers that enclose them.

    Returns
    -------
    Scale or None
        None when no term moves the log odds.
    """
    described = []
    for term in model["terms"]:
        values, labels = _ticks(term, ranges)
        contributions = [_contribution(term, value) for value in values]
        if len(values) > 1 and np.ptp(contributions) > 0:
            described.append((term, labels, contributions))
    if not described:
        return None
    per_point = max(float(np.ptp(c)) for _, _, c in described) / LONGEST
    constant = sum(
        _contribution(term, _ticks(term, ranges)[0][0])
        for term in model["terms"]
        if not any(term is other for other, _, _ in described)
    )
    axes = tuple(
        Axis(term["variable"], labels, tuple((c - min(all_c)) / per_point for c in all_c))
        for term, labels, all_c in described
    )
    least = [(term, min(c)) for term, _, c in described]
    base = float(model["intercept"]) + constant + sum(low for _, low in least)
    return Scale(axes, base, per_point, tuple(least))


def _ticks(
    term: "ModelTerm", ranges: Mapping[str, tuple[float, float]]
) -> tuple[list[Any], tuple[str, ...]]:
    if term["kind"] == "categorical":
        levels = [term["reference"], *term["coefficients"]]
        return levels, tuple(map(str, levels))
    low, high = ranges[term["variable"]]
    if low == high:
        return [low], (f"{low:g}",)
    values = MaxNLocator(nbins=10, steps=[1, 2, 5, 10]).tick_values(low, high)
    inside = [value for value in values if low <= value <= high]
    step = float(values[1] - values[0])
    # round numbers that enclose the range, and not more than that
    ends = [inside[0] - step] if inside[0] > low else []
    more = [inside[-1] + step] if inside[-1] < high else []
    ticks = [*ends, *inside, *more]
    return ticks, tuple(f"{round(value, 10):g}".replace("-", "−") for value in ticks)


def _contribution(term: "ModelTerm", value: Any) -> float:
    if term["kind"] == "categorical":
        return float(term["coefficients"].get(str(value), 0.0))
    return float(term["coefficient"]) * float(value)
