"""Design matrix: reference levels, imputation values and columns, fitted on training cases."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from microcalc.config.clinical_settings import (
    ClinicalVariable,
    ClinicalVariables,
    ScreeningSettings,
)
from microcalc.config.score_names import score_column
from microcalc.core.errors import StudyError
from microcalc.models import splines
from microcalc.models.rare_levels import merge_rare
from microcalc.models.term import Term, numeric, texts

__all__ = ["Design", "Term", "fit", "numeric", "texts"]

Floats = NDArray[np.float64]


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

    def tested(self, variable: str) -> NDArray[np.bool_]:
        """Return which columns stand for the variable's values, its missing indicator not.

        Parameters
        ----------
        variable
            Name of a term's variable.

        Returns
        -------
        numpy.ndarray
            True for its columns, shape (q,); all False where no term is of it.
        """
        marks = [
            term.variable == variable and not (term.indicator and column == term.columns[-1])
            for term in self.terms
            for column in term.columns
        ]
        return np.array(marks, dtype=bool)

    def matrix(self, table: pd.DataFrame) -> Floats:
        """Return the design columns of a table of cases, without the intercept.

        Missing values are replaced by the training cases' median or most frequent level. A
        level that no training case had is treated as missing; `unseen` counts those.

        Parameters
        ----------
        table
            n cases with the terms' variables as columns.

        Returns
        -------
        numpy.ndarray
            Shape (n, q).

        Raises
        ------
        StudyError
            When a variable has no column, or a continuous one holds what is no finite number.
        """
        blocks = [term.code(_column(table, term.variable)) for term in self.terms]
        return np.hstack([np.empty((len(table), 0)), *blocks])

    def unseen(self, table: pd.DataFrame) -> list[tuple[str, str, int]]:
        """Return the levels of a table of cases that no training case had.

        Parameters
        ----------
        table
            Cases with the terms' variables as columns.

        Returns
        -------
        list of tuple
            (variable, level, number of cases): in the order of the terms, then sorted by level.

        Raises
        ------
        StudyError
            When a variable has no column.
        """
        found = []
        for term in self.terms:
            if term.kind in ("categorical", "ordinal"):
                levels = Counter(texts(_column(table, term.variable)))
                found += [
                    (term.variable, level, count)
                    for level, count in sorted(levels.items(), key=str)
                    if level is not None and term.group_of(level) not in term.levels
                ]
        return found

    def with_scores(self, scores: Sequence[str]) -> "Design":
        """Return the design with these scores as its last terms.

        Parameters
        ----------
        scores
            Names of scores; the term of each reads the column `score_column(name)`.

        Returns
        -------
        Design
            A new one; this one stays.
        """
        return Design((*self.terms, *(Term(score_column(name), "score") for name in scores)))


def fit(
    table: pd.DataFrame,
    variables: Sequence[str],
    clinical: ClinicalVariables,
    settings: ScreeningSettings,
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
        The config's `clinical`: kind, and levels with the reference first; `knots` of a
        continuous variable.
    settings
        The config's `screening`: `missing` and `indicator_from` say whether a variable gets an
        indicator of missing values, `merge_levels_below` which levels are too rare.

    Returns
    -------
    Design
        One term per variable that can be estimated, in their order.

    Raises
    ------
    StudyError
        When a variable is not in `clinical` or not in the table, or a continuous one holds what is
        no finite number.
    """
    terms = [
        _fit_term(_column(table, name), name, _described(clinical, name), settings)
        for name in variables
    ]
    return Design(tuple(term for term in terms if term is not None))


def _fit_term(
    values: pd.Series, name: str, variable: ClinicalVariable, settings: ScreeningSettings
) -> Term | None:
    if variable.categories:
        observed = texts(values)
        counts = Counter(observed)
        seen = tuple(level for level in variable.categories if counts[level])
        merged = merge_rare(seen, counts, below=settings.merge_levels_below or 0)
        levels = tuple(dict.fromkeys(merged.values()))
        if len(levels) < 2:
            return None
        indicator = _indicator(sum(level not in merged for level in observed), settings)
        common = max(seen, key=lambda level: counts[level])
        return Term(name, variable.kind, levels, merged[common], indicator=indicator, merged=merged)
    numbers = numeric(values)
    observed_numbers = numbers[~np.isnan(numbers)]
    if len(set(observed_numbers)) < 2:
        return None
    return Term(
        name,
        "continuous",
        impute=float(np.median(observed_numbers)),
        knots=splines.knots(observed_numbers, variable.knots, name=name),
        indicator=_indicator(int(np.isnan(numbers).sum()), settings),
    )


def _indicator(n_missing: int, settings: ScreeningSettings) -> bool:
    """Return whether so many missing values among the training cases get a column of their own."""
    least = settings.indicator_from
    return settings.missing == "impute" and least is not None and n_missing >= least


def _described(clinical: ClinicalVariables, name: str) -> ClinicalVariable:
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
