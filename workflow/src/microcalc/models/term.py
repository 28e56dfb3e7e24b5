"""One predictor as it enters a model: from a table's column to design columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from microcalc.core.errors import StudyError
from microcalc.models import splines

Kind = Literal["continuous", "categorical", "ordinal", "score"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Term:
    """One predictor as it enters a model.

    Attributes
    ----------
    variable
        Name of the column in the table of cases.
    kind
        "continuous" (one column, and one per inner knot), "categorical" (one 0/1 column per
        level but the first), "ordinal" (one column: 0, 1, 2 … along the levels), "score" (one
        column, never missing).
    levels
        Levels seen among the training cases, in the config's order; the first is the reference.
        Levels that were merged are one, called "a or b".
    impute
        What stands in for a missing value: training median, or most frequent training level.
    knots
        Of a restricted cubic spline; empty where the variable is linear.
    indicator
        Whether a last column is 1 where the value is missing.
    merged
        The level in `levels` that each level of the table belongs to; itself where not listed.
    """

    variable: str
    kind: Kind
    levels: tuple[str, ...] = ()
    impute: float | str | None = None
    knots: tuple[float, ...] = ()
    indicator: bool = False
    merged: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the design columns; those of a spline end in ' as Harrell's do."""
        if self.kind == "categorical":
            own = tuple(f"{self.variable}={level}" for level in self.levels[1:])
        else:
            bends = range(max(len(self.knots) - 1, 1))
            own = tuple(self.variable + "'" * bend for bend in bends)
        return (*own, f"{self.variable} missing") if self.indicator else own

    @property
    def column_levels(self) -> tuple[str, ...]:
        """What each design column is called below the variable's name; one alone needs none."""
        if self.kind == "categorical":
            own: tuple[str, ...] = self.levels[1:]
        elif len(self.columns) == 1:
            own = ("",)
        else:
            bends = range(1, len(self.knots) - 1)
            own = ("per level" if self.kind == "ordinal" else "per unit",)
            own += tuple(f"spline, bend {bend}" for bend in bends)
        return (*own, "missing") if self.indicator else own

    def group_of(self, level: str | None) -> str | None:
        """Return the level in `levels` that stands for a level of the table.

        Parameters
        ----------
        level
            As the table has it; None where missing.

        Returns
        -------
        str or None
            Itself where it was not merged, be it known or not; None of None.
        """
        return None if level is None else self.merged.get(level, level)

    def code(self, values: pd.Series) -> Floats:
        """Return the design columns of one table column.

        A missing value is coded as `impute`, and so is a level that no training case had.

        Parameters
        ----------
        values
            The variable of n cases.

        Returns
        -------
        numpy.ndarray
            Shape (n, len(columns)).

        Raises
        ------
        StudyError
            When the variable is continuous or a score, and an entry no finite number.
        """
        if self.kind in ("categorical", "ordinal"):
            known = [self.group_of(level) for level in texts(values)]
            absent = np.array([level not in self.levels for level in known], dtype=bool)
            places = np.array(
                [self.levels.index(str(self.impute if gone else level))
                 for level, gone in zip(known, absent, strict=True)],
                dtype=float,
            )  # fmt: skip
            if self.kind == "ordinal":
                block = places[:, None]
            else:
                block = (places[:, None] == np.arange(1, len(self.levels))).astype(float)
        else:
            numbers = numeric(values)
            absent = np.isnan(numbers)
            if self.impute is not None:
                numbers = np.where(absent, float(self.impute), numbers)
            block = np.column_stack([numbers, splines.bends(numbers, self.knots)])
        return np.column_stack([block, absent.astype(float)]) if self.indicator else block


def texts(values: pd.Series) -> list[str | None]:
    """Return a column's entries as text.

    Parameters
    ----------
    values
        Text, numbers or both.

    Returns
    -------
    list of str or None
        None where missing or empty; 1.0 reads "1".

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.models import term
    >>> term.texts(pd.Series([1.0, "4A", None, ""]))
    ['1', '4A', None, None]
    """
    return [_text(value) for value in values.tolist()]


def _text(value: Any) -> str | None:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) or None


def numeric(values: pd.Series) -> Floats:
    """Return a column's entries as numbers.

    Parameters
    ----------
    values
        Numbers, or text that reads as such.

    Returns
    -------
    numpy.ndarray
        Shape (n,), NaN where missing.

    Raises
    ------
    StudyError
        When an entry is not a finite number.

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.models import term
    >>> term.numeric(pd.Series(["61", "", "48.5"]))
    array([61. ,  nan, 48.5])
    """
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
    for text, number in zip(texts(values), numbers, strict=True):
        if text is not None and not np.isfinite(number):
            raise StudyError(
                f"column {values.name!r} holds {text!r} where a number is expected; mend the "
                "table, or declare the variable categorical in the config's clinical section"
            )
    return numbers
