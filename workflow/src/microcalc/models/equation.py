"""A model's equation: an intercept and coefficients over coded predictors, as values or as JSON."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from microcalc.config.score_names import score_of
from microcalc.models.design import Design
from microcalc.models.term import Term
from microcalc.selection.likelihood import independent, maximum

if TYPE_CHECKING:
    from microcalc.models.frozen import EquationPart, FrozenModel, ModelTerm, Spline

LEAST_SLOPE = 0.01
STRAIGHT: "Spline" = {"knots": [], "coefficients": []}


@dataclass(frozen=True)
class Equation:
    """log odds = intercept + sum of coefficients times design columns.

    Attributes
    ----------
    design
        How predictors become columns.
    intercept
        Log odds at zero and at the reference levels.
    coefficients
        One per design column.
    method
        How the coefficients were found, for people.
    n, n_positive
        Cases they were fitted on.
    """

    design: Design
    intercept: float
    coefficients: tuple[float, ...]
    method: str
    n: int
    n_positive: int

    def linear_predictor(self, table: pd.DataFrame) -> NDArray[np.float64]:
        """Return the log odds of a table of cases.

        Parameters
        ----------
        table
            n cases with the predictors as columns, scores among them.

        Returns
        -------
        numpy.ndarray
            Shape (n,).

        Raises
        ------
        StudyError
            As of `Design.matrix`.
        """
        columns = self.design.matrix(table) * np.array(self.coefficients)
        total: NDArray[np.float64] = self.intercept + columns.sum(axis=1)
        return total

    @property
    def scores(self) -> tuple[str, ...]:
        """The scores among its predictors."""
        return tuple(score_of(term.variable) for term in self.design.terms if term.kind == "score")

    def to_json(self) -> "EquationPart":
        """Return the equation as a frozen model holds it.

        Returns
        -------
        dict
            `intercept` and `terms`. An ordinal variable is written as a categorical one, and merged
            levels with a coefficient each.
        """
        left = list(self.coefficients)
        terms: list[ModelTerm] = []
        for term in self.design.terms:
            own = [left.pop(0) for _ in term.columns]
            if term.kind == "categorical" or term.kind == "ordinal":
                entry = _by_level(term, own)
            else:
                entry = {"variable": term.variable, "kind": term.kind, "coefficient": own[0]}
                if term.impute is not None:
                    entry["if_missing"] = term.impute
            if term.knots:
                bends = own[1 : len(term.knots) - 1]
                entry["spline"] = {"knots": list(term.knots), "coefficients": bends}
            if term.indicator:
                entry["missing_coefficient"] = own[-1]
            terms.append(entry)
        return {"intercept": self.intercept, "terms": terms}


def _by_level(term: Term, own: list[float]) -> "ModelTerm":
    """Return a term with the coefficient of each level of the table of cases.

    Merged levels share a coefficient, and those of an ordinal variable are evenly spaced.
    """
    if term.kind == "ordinal":
        of_group = {level: own[0] * place for place, level in enumerate(term.levels)}
    else:
        of_group = dict(zip(term.levels, (0.0, *own), strict=False))
    merged = term.merged or {level: level for level in term.levels}
    reference, *others = merged
    stands_in = next(level for level, group in merged.items() if group == term.impute)
    return {
        "variable": term.variable,
        "kind": "categorical",
        "reference": reference,
        "coefficients": {level: of_group[merged[level]] for level in others},
        "if_missing": stands_in,
    }


def from_json(model: "FrozenModel") -> Equation:
    """Return the equation of a frozen model.

    Parameters
    ----------
    model
        As `frozen.check` lets it pass.

    Returns
    -------
    Equation
        Gives the log odds of the equation that was frozen; an ordinal variable comes back
        categorical.
    """
    terms: list[Term] = []
    coefficients: list[float] = []
    for entry in model["terms"]:
        indicator = "missing_coefficient" in entry
        if entry["kind"] == "categorical":
            levels = (entry["reference"], *entry["coefficients"])
            terms.append(
                Term(
                    entry["variable"],
                    "categorical",
                    levels,
                    entry["if_missing"],
                    indicator=indicator,
                )
            )
            coefficients += list(entry["coefficients"].values())
        else:
            spline = entry.get("spline", STRAIGHT)
            terms.append(
                Term(
                    entry["variable"],
                    entry["kind"],
                    impute=entry.get("if_missing"),
                    knots=tuple(spline["knots"]),
                    indicator=indicator,
                )
            )
            coefficients += [entry["coefficient"], *spline["coefficients"]]
        coefficients += [entry["missing_coefficient"]] if indicator else []
    training = model["training"]
    return Equation(
        Design(tuple(terms)),
        model["intercept"],
        tuple(coefficients),
        model["method"],
        training["n"],
        training["n_positive"],
    )


def score_alone(name: str, n: int, n_positive: int) -> Equation:
    """Return the equation of a model that is a score itself, not refitted.

    Parameters
    ----------
    name
        The score's.
    n, n_positive
        Cases that the score was fitted on.

    Returns
    -------
    Equation
        Intercept 0 and coefficient 1: the score is in log odds already.

    Examples
    --------
    >>> from microcalc.models import equation
    >>> alone = equation.score_alone("deep_score", 100, 60)
    >>> alone.intercept, alone.coefficients
    (0.0, (1.0,))
    """
    alone = Design(()).with_scores([name])
    return Equation(alone, 0.0, (1.0,), "the LASSO's score", n, n_positive)


def logit_calibrated(name: str, score: NDArray[np.float64], y: NDArray[np.int64]) -> Equation:
    """Return the equation that brings a network's logits to probabilities: intercept and slope.

    Classes may have been weighted and smoothed in its training, so that a logit is no log odds of
    the cases at hand. The slope is never below `LEAST_SLOPE`: a network was told which class is
    positive, and a regression that turned its score round would bring in the very labels that
    the score was kept from.

    Parameters
    ----------
    name
        The score's.
    score
        Logits of cases by networks that never saw them, shape (n,).
    y
        0 or 1, shape (n,).

    Returns
    -------
    Equation
        Intercept and slope by maximum likelihood, Firth's where the logits separate the classes.
        Where the slope is held at `LEAST_SLOPE`, the mean probability is the share of y that is 1.
    """
    design = np.column_stack([np.ones(len(score)), score])
    used = independent(design)
    coefficients = np.zeros(2)
    coefficients[used] = maximum(design[:, used], y.astype(float))[0].coefficients
    intercept, slope = map(float, coefficients)
    if slope < LEAST_SLOPE:
        from scipy.optimize import brentq

        slope, share = LEAST_SLOPE, float(y.mean())
        far = 50 + LEAST_SLOPE * float(np.abs(score).max())
        intercept = brentq(lambda a: float(expit(a + slope * score).mean()) - share, -far, far)
    method = "logistic regression on the networks' out-of-fold logits"
    return Equation(
        Design(()).with_scores([name]), intercept, (slope,), method, len(y), int(y.sum())
    )
