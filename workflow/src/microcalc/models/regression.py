"""A logistic regression on clinical variables, whatever is done about missing values."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from microcalc.config.clinical_settings import ClinicalVariables, ScreeningSettings
from microcalc.core.errors import StudyError
from microcalc.models import (
    design,
    imputation,
    logistic,
    profile_likelihood,
    repeated_patients,
    rubin,
)

Floats = NDArray[np.float64]


# Level of intervals that nobody is shown, where a fit is wanted for its coefficients or tests.
UNSHOWN = 0.95
# What `Regression.method` says where patients have several cases.
CORRECTED = "corrected for repeated patients"


@dataclass(frozen=True)
class Regression:
    """A regression fitted to one table of cases, or to several imputed ones and pooled.

    Attributes
    ----------
    coding
        How the variables became columns.
    matrices
        The design columns of each table, shape (n, q).
    y
        0 or 1, shape (n,).
    confidence
        Level of the intervals.
    profiled
        Whether profile-likelihood intervals are wanted; pooled fits have none.
    names
        Names of the columns where there are more than those of the coding.
    patients
        Patient of each case where some have more than one: standard errors, tests and limits
        then allow for the correlation within patients, as `repeated_patients` says.
    """

    coding: design.Design
    matrices: tuple[Floats, ...]
    y: NDArray[np.int64]
    confidence: float
    profiled: bool
    names: tuple[str, ...] = ()
    patients: NDArray[np.str_] | None = None

    @property
    def n(self) -> int:
        """Cases fitted on."""
        return len(self.y)

    @cached_property
    def of_cases(self) -> list[logistic.Logistic]:
        """The fit to each table, as if no cases shared a patient; raises as `logistic.fit` does."""
        names = self.names or self.coding.columns
        return [
            logistic.fit(X, self.y, names=names, confidence=self.confidence) for X in self.matrices
        ]

    @cached_property
    def fits(self) -> list[logistic.Logistic]:
        """The fit to each table, its covariance allowing for cases that share a patient."""
        if self.patients is None:
            return self.of_cases
        return [
            repeated_patients.by_patient(fit, X, self.y, self.patients, confidence=self.confidence)
            for fit, X in zip(self.of_cases, self.matrices, strict=True)
        ]

    @cached_property
    def pooled(self) -> logistic.Logistic:
        """The one fit, or all of them pooled by Rubin's rules."""
        return rubin.pool(self.fits, confidence=self.confidence)

    @property
    def method(self) -> str:
        """How the coefficients were found, for people."""
        several = f", {len(self.fits)} imputations pooled" if len(self.fits) > 1 else ""
        corrected = f", {CORRECTED}" if self.patients is not None else ""
        return self.pooled.method + several + corrected

    @cached_property
    def _profile(self) -> tuple[Floats, Floats]:
        if not self.profiled or len(self.fits) > 1:
            nothing = np.full(len(self.coding.columns) + 1, np.nan)
            return nothing, nothing
        X, fitted = self.matrices[0], self.of_cases[0]
        if self.patients is None:
            return profile_likelihood.intervals(X, self.y, fitted, confidence=self.confidence)
        given = (X, self.y, self.patients)
        return repeated_patients.profile_intervals(fitted, *given, confidence=self.confidence)

    @cached_property
    def _inflation(self) -> Floats:
        """Variance inflation factors: of the predictors, whoever the cases belong to."""
        return rubin.pool(self.of_cases, confidence=self.confidence).vif

    def numbers(self, column: str) -> dict[str, float]:
        """Return coefficient, odds ratio, intervals, p and VIF of one design column.

        Parameters
        ----------
        column
            One of `coding.columns`.

        Returns
        -------
        dict
            coefficient and se in log odds per unit; odds_ratio; or_low and or_high, Wald's limits;
            or_profile_low and or_profile_high, NaN where not wanted; p, Wald's; vif.

        Raises
        ------
        ValueError
            When there is no such column.
        """
        i, fitted = self.coding.columns.index(column) + 1, self.pooled
        low, high = self._profile
        return {
            "coefficient": float(fitted.coefficients[i]),
            "se": float(fitted.se[i]),
            "odds_ratio": float(fitted.odds_ratio[i]),
            "or_low": float(np.exp(fitted.low[i])),
            "or_high": float(np.exp(fitted.high[i])),
            "or_profile_low": float(np.exp(low[i])),
            "or_profile_high": float(np.exp(high[i])),
            "p": float(fitted.p[i]),
            "vif": float(self._inflation[i]),
        }

    def counts(self, variable: str) -> list[int]:
        """Return the sum of each of a variable's columns: the cases of a 0/1 column.

        Parameters
        ----------
        variable
            Name of a term's variable.

        Returns
        -------
        list of int
            One per column of its own, the mean over imputed tables, rounded.
        """
        own = np.array(self.coding.groups) == variable
        sums = np.mean([X[:, own].sum(axis=0) for X in self.matrices], axis=0)
        return [round(float(total)) for total in sums]

    def test(self, variable: str, test: str, *, indicator: bool = False) -> logistic.ChiSquareTest:
        """Test a whole variable: likelihood ratio or Wald, D1 where imputations are pooled.

        Where patients have several cases, each allows for their correlation.

        Parameters
        ----------
        variable
            Name of a term's variable.
        test
            "wald" or "likelihood_ratio"; without effect where imputations are pooled.
        indicator
            Whether its indicator of missing values leaves the model too; else it stays.

        Returns
        -------
        ChiSquareTest
            All of the variable's columns at once.

        Raises
        ------
        StudyError
            As `logistic.drop_test` does.
        """
        marks = self.coding.tested(variable)
        if indicator:
            marks = np.array(self.coding.groups) == variable
        if len(self.matrices) > 1:
            return rubin.wald_test(self.fits, marks)
        if test == "wald":
            return logistic.wald_test(self.fits[0], marks)
        X, full = self.matrices[0], self.of_cases[0]
        if self.patients is None:
            return logistic.drop_test(X, self.y, marks, full=full)
        return repeated_patients.drop_test(X, self.y, self.patients, marks, full=full)


def fit(
    tables: Sequence[pd.DataFrame],
    variables: Sequence[str],
    clinical: ClinicalVariables,
    settings: ScreeningSettings,
    *,
    confidence: float,
    profile: bool = False,
    observed: pd.DataFrame | None = None,
) -> Regression:
    """Return the regression on `variables`, whose coding is learned from the same cases.

    Parameters
    ----------
    tables
        `completed(...)`: the training cases, once, or several times with drawn values.
    variables, clinical
        Which variables, and the config's `clinical`.
    settings
        The config's `screening`.
    confidence, profile
        Level of the intervals, and whether profile-likelihood ones are wanted.
    observed
        The cases before imputation, whose medians, levels and knots the coding keeps.

    Returns
    -------
    Regression
        Fitted when something of it is asked for.

    Raises
    ------
    StudyError
        When complete cases are not of both classes, a variable is not in the tables or not
        described, or a continuous one holds what is no finite number.
    """
    rows = [usable(table, variables, settings.missing) for table in tables]
    seen = rows[0] if observed is None else usable(observed, variables, settings.missing)
    coding = design.fit(seen, variables, clinical, settings)
    return Regression(
        coding,
        tuple(coding.matrix(table) for table in rows),
        rows[0]["y"].to_numpy(),
        confidence,
        profile,
        patients=_repeated(rows[0]),
    )


def backward(
    tables: Sequence[pd.DataFrame],
    variables: Sequence[str],
    clinical: ClinicalVariables,
    settings: ScreeningSettings,
) -> list[str]:
    """Return the variables that Akaike's criterion keeps, starting from all of them.

    The change of the criterion when a variable leaves is its chi-square minus 2 df: the
    likelihood ratio's, the penalized one's under Firth's method, Wald's where imputations are
    pooled. Complete cases are those of all variables, so that every step sees the same ones.

    Parameters
    ----------
    tables
        `completed(...)`.
    variables
        Those to start from.
    clinical, settings
        The config's `clinical` and `screening`.

    Returns
    -------
    list of str
        In the order of `variables`, without those that cannot be estimated; may be empty.

    Raises
    ------
    StudyError
        As `fit` does.
    """
    rows = [usable(table, variables, settings.missing) for table in tables]
    left = [term.variable for term in design.fit(rows[0], variables, clinical, settings).terms]
    while left:
        fitted = fit(rows, left, clinical, settings, confidence=UNSHOWN)
        tests = [fitted.test(name, "likelihood_ratio", indicator=True) for name in left]
        changes = [test.chi_square - 2 * test.df for test in tests]
        least = int(np.argmin(changes))
        if changes[least] >= 0:
            break
        del left[least]
    return left


def completed(
    table: pd.DataFrame,
    clinical: ClinicalVariables,
    settings: ScreeningSettings,
    *,
    seed: int,
    others: Sequence[str] = (),
) -> list[pd.DataFrame]:
    """Return the tables to fit on: the cases as they are, or `imputations` copies of them.

    Parameters
    ----------
    table
        Training cases with column y.
    clinical, settings
        The config's `clinical` and `screening`; copies are drawn where `missing` is "multiple".
    seed, others
        As of `imputation.impute`.

    Returns
    -------
    list of DataFrame
        At least one.
    """
    if settings.missing != "multiple":
        return [table]
    return imputation.impute(table, clinical, number=settings.imputations, seed=seed, others=others)


def _repeated(rows: pd.DataFrame) -> NDArray[np.str_] | None:
    """Return the patient of each case where one has several, else None."""
    if "patient_id" not in rows or not rows["patient_id"].duplicated().any():
        return None
    return rows["patient_id"].to_numpy(dtype=str)


def usable(table: pd.DataFrame, variables: Sequence[str], missing: str) -> pd.DataFrame:
    """Return the rows a model on `variables` is fitted on.

    Parameters
    ----------
    table
        Training cases with column y.
    variables
        The model's clinical variables.
    missing
        The config's `screening.missing`.

    Returns
    -------
    pandas.DataFrame
        All of them, or with `missing` "complete-case" those without a missing value, numbered
        from 0.

    Raises
    ------
    StudyError
        When the complete cases are not of both classes.
    """
    if missing != "complete-case":
        return table
    complete = np.ones(len(table), dtype=bool)
    for name in variables:
        complete &= np.array([text is not None for text in design.texts(table[name])])
    if table.loc[complete, "y"].nunique() < 2:
        raise StudyError(
            "screening.missing is complete-case, and the cases without a missing value in "
            f"{', '.join(variables)} are {int(complete.sum())}, not of both classes; use impute"
        )
    return table[complete].reset_index(drop=True)
