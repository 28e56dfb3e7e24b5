"""Coding of predictors: reference levels, imputation values and columns, fitted on training."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from microcalc.errors import StudyError

Kind = Literal["continuous", "categorical", "deep"]
Floats = NDArray[np.float64]

DEEP_SCORE = "deep_score"


@dataclass(frozen=True)
class Term:
    """One predictor as it enters a model.

    Attributes
    ----------
    variable
        Name of the column in the table of cases.
    kind
        "continuous" (one column), "categorical" (one 0/1 column per level but the first),
        "deep" (the deep score: one column, never missing).
    levels
        Levels seen among the training cases, in the config's order; the first is the reference.
    impute
        What stands in for a missing value: training median, or most frequent training level.
    """

    variable: str
    kind: Kind
    levels: tuple[str, ...] = ()
    impute: float | str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the design columns."""
        if self.kind == "categorical":
            return tuple(f"{self.variable}={level}" for level in self.levels[1:])
        return (self.variable,)

    def code(self, values: pd.Series) -> Floats:
        """Return the design columns of one table column, shape (n, len(columns))."""
        if self.kind == "categorical":
            known = [self.impute if level not in self.levels else level for level in texts(values)]
            return np.array(
                [[float(level == other) for other in self.levels[1:]] for level in known]
            ).reshape(len(values), len(self.levels) - 1)
        numbers = numeric(values)
        if self.impute is not None:
            numbers = np.where(np.isnan(numbers), float(self.impute), numbers)
        return numbers[:, None]


@dataclass(frozen=True)
class Design:
    """The predictors of one model, in order."""

    terms: tuple[Term, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the design columns, the intercept not among them."""
        return tuple(column for term in self.terms for column in term.columns)

    @property
    def groups(self) -> tuple[str, ...]:
        """The variable each design column belongs to."""
        return tuple(term.variable for term in self.terms for _ in term.columns)

    def matrix(self, table: pd.DataFrame) -> Floats:
        """Return the design columns of a table of cases, shape (n, q), without the intercept.

        Missing values are replaced by the training cases' median or most frequent level. A
        level that no training case had is treated as missing; `unseen` counts those.
        """
        blocks = [term.code(_column(table, term.variable)) for term in self.terms]
        return np.hstack([np.empty((len(table), 0)), *blocks])

    def unseen(self, table: pd.DataFrame) -> list[tuple[str, str, int]]:
        """Return (variable, level, cases) for every level that no training case had."""
        found = []
        for term in self.terms:
            if term.kind == "categorical":
                levels = Counter(texts(_column(table, term.variable)))
                found += [
                    (term.variable, level, count)
                    for level, count in sorted(levels.items(), key=str)
                    if level is not None and level not in term.levels
                ]
        return found

    def with_deep_score(self) -> "Design":
        """Return the design with the deep score as its last term."""
        return Design((*self.terms, Term(DEEP_SCORE, "deep")))


def fit(
    table: pd.DataFrame, variables: Sequence[str], clinical: Mapping[str, Mapping[str, Any]]
) -> Design:
    """Return the coding of `variables`, learned from the training cases given.

    Parameters
    ----------
    table
        Training cases, one row each.
    variables
        Which variables, in which order. One without any observed value, or of which only
        one level was observed, gets no term: there is nothing to estimate.
    clinical
        The config's `clinical`: kind, and levels with the reference first.
    """
    terms = [_fit_term(_column(table, name), name, _entry(clinical, name)) for name in variables]
    return Design(tuple(term for term in terms if term is not None))


def texts(values: pd.Series) -> list[str | None]:
    """Return a column's entries as text, None where missing; 1.0 reads "1"."""
    return [_text(value) for value in values.tolist()]


def _text(value: Any) -> str | None:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) or None


def numeric(values: pd.Series) -> Floats:
    """Return a column's entries as numbers, NaN where missing.

    Raises
    ------
    StudyError
        When an entry is not a finite number.
    """
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
    for text, number in zip(texts(values), numbers, strict=True):
        if text is not None and not np.isfinite(number):
            raise StudyError(
                f"column {values.name!r} holds {text!r} where a number is expected; mend the "
                "table, or declare the variable categorical in the config's clinical section"
            )
    return numbers


def _fit_term(values: pd.Series, name: str, entry: Mapping[str, Any]) -> Term | None:
    if entry["kind"] == "categorical":
        counts = Counter(texts(values))
        levels = tuple(str(level) for level in entry["levels"] if counts[str(level)])
        if len(levels) < 2:
            return None
        return Term(name, "categorical", levels, max(levels, key=lambda level: counts[level]))
    numbers = numeric(values)
    observed = numbers[~np.isnan(numbers)]
    if len(set(observed)) < 2:
        return None
    return Term(name, "continuous", impute=float(np.median(observed)))


def _entry(clinical: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    if name not in clinical:
        raise StudyError(
            f"a model asks for the clinical variable {name!r}, which the config's clinical "
            f"section does not describe; it knows {', '.join(clinical) or 'none'}"
        )
    return clinical[name]


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table.columns:
        raise StudyError(
            f"the table of cases has no column {name!r}, which a model needs; it has "
            f"{', '.join(map(str, table.columns))}"
        )
    return table[name]
