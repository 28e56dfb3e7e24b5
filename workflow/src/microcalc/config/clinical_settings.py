"""The config's `clinical` and `screening`: variables, and how predictors are found among them."""

import math
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from microcalc.config.section import (
    Distinct,
    NamedLike,
    Section,
    Share,
    Unwritten,
    refuse_missing,
)

VariableName = Annotated[
    str,
    NamedLike(
        r"^\w[^\r\n\t]{0,63}$",
        "the column's name in the case table, beginning with a letter or digit",
    ),
]


class ClinicalVariable(Section):
    """A column of the case table."""

    kind: Literal["continuous", "categorical", "ordinal"]
    """
    how the variable enters a model: per unit, one odds ratio per level against the
    reference, or one odds ratio per step along the levels
    """
    levels: Unwritten[Annotated[Distinct[str], Field(min_length=2)]] = None
    """the levels of a categorical or ordinal variable; the first is the reference"""
    knots: Unwritten[Literal[3, 4, 5]] = None
    """a continuous variable enters as a restricted cubic spline with so many knots"""
    candidate: bool = True
    """false keeps it out of the screening, such as a score that came from elsewhere"""
    unit: Unwritten[str] = None
    """unit of a continuous variable, for tables"""
    label: Unwritten[str] = None
    """the variable's name in tables and figures"""
    minimum: Unwritten[float] = None
    """smallest plausible value"""
    maximum: Unwritten[float] = None
    """largest plausible value"""

    @model_validator(mode="after")
    def _needs_levels(self) -> Self:
        if not self.is_continuous:
            refuse_missing(self, "levels")
        return self

    @property
    def is_continuous(self) -> bool:
        """Whether the variable is a number rather than one of several levels."""
        return self.kind == "continuous"

    @property
    def categories(self) -> tuple[str, ...]:
        """The levels, the reference first; a continuous variable has none."""
        return () if self.is_continuous else self.levels or ()

    @property
    def lowest(self) -> float:
        """The smallest plausible value."""
        return -math.inf if self.minimum is None else self.minimum

    @property
    def highest(self) -> float:
        """The largest plausible value."""
        return math.inf if self.maximum is None else self.maximum


ClinicalVariables = Mapping[str, ClinicalVariable]
"""The clinical variables of a study by their columns."""


class ScreeningSettings(Section):
    """How clinical predictors are found on the training set."""

    method: Literal["p_values", "backward_aic", "fixed"] = "p_values"
    """
    p_values, univariable then multivariable; backward_aic, from all candidates backward by
    Akaike's criterion; fixed, the variables named here, decided before the data were seen
    """
    variables: Distinct[str] = ()
    """the predictors, with method fixed"""
    test: Literal["likelihood_ratio", "wald"] = "likelihood_ratio"
    """
    whose p of the whole variable counts; both allow for patients with several training
    cases, and pooled imputations are tested by D1 whichever it is
    """
    p_univariable: Share = 0.05
    """a variable below this p enters the multivariable model"""
    p_multivariable: Share = 0.05
    """a variable below this p in the multivariable model is an independent predictor"""
    merge_levels_below: Annotated[int, Field(ge=2)] | None = None
    """
    a level that fewer training cases have joins the rarer of its neighbors in the order of
    `levels`; null merges nothing
    """
    missing: Literal["impute", "complete-case", "multiple"] = "impute"
    """
    missing clinical values become the training set's median or mode, or drop the case from
    fitting, or are drawn several times by chained equations and the fits pooled by Rubin's
    rules. Where a frozen model meets one in a new case, it takes the median or mode
    """
    indicator_from: Annotated[int, Field(ge=1)] | None = 5
    """
    with impute, a variable that this many training cases lack gets an indicator of being
    missing; null gives none
    """
    imputations: Annotated[int, Field(ge=2)] = 20
    """with multiple, how often missing values are drawn"""
