"""A model's equation: an intercept and coefficients over coded predictors, as values or as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from microcalc.models.design import DEEP_SCORE, Design, Term


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
        """Return the log odds of a table of cases, shape (n,)."""
        columns = self.design.matrix(table) * np.array(self.coefficients)
        total: NDArray[np.float64] = self.intercept + columns.sum(axis=1)
        return total

    @property
    def needs_deep_score(self) -> bool:
        """Whether the deep score is one of the predictors."""
        return any(term.kind == "deep" for term in self.design.terms)

    def to_json(self) -> dict[str, Any]:
        """Return the equation as the `intercept` and `terms` of a frozen model."""
        left, terms = list(self.coefficients), []
        for term in self.design.terms:
            own = [left.pop(0) for _ in term.columns]
            entry: dict[str, Any] = {"variable": term.variable, "kind": term.kind}
            if term.kind == "categorical":
                entry["reference"] = term.levels[0]
                entry["coefficients"] = dict(zip(term.levels[1:], own, strict=True))
            else:
                entry["coefficient"] = own[0]
            if term.impute is not None:
                entry["if_missing"] = term.impute
            terms.append(entry)
        return {"intercept": self.intercept, "terms": terms}


def from_json(model: Mapping[str, Any]) -> Equation:
    """Return the equation of a frozen model."""
    terms, coefficients = [], []
    for entry in model["terms"]:
        if entry["kind"] == "categorical":
            levels = (entry["reference"], *entry["coefficients"])
            terms.append(Term(entry["variable"], "categorical", levels, entry["if_missing"]))
            coefficients += list(entry["coefficients"].values())
        else:
            terms.append(Term(entry["variable"], entry["kind"], impute=entry.get("if_missing")))
            coefficients.append(entry["coefficient"])
    training = model["training"]
    return Equation(
        Design(tuple(terms)),
        model["intercept"],
        tuple(coefficients),
        model["method"],
        training["n"],
        training["n_positive"],
    )


def deep_score_alone(n: int, n_positive: int) -> Equation:
    """Return the equation of a model that is the deep score itself, not refitted."""
    return Equation(
        Design((Term(DEEP_SCORE, "deep"),)), 0.0, (1.0,), "the LASSO's score", n, n_positive
    )
