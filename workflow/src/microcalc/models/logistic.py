"""Logistic regression with inference: maximum likelihood, and Firth's when the data separate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, fdtrc, ndtr, ndtri, stdtr

from microcalc.core.errors import StudyError
from microcalc.selection.likelihood import (
    Method,
    independent,
    maximum,
    maximum_likelihood,
    penalized_maximum,
)

Floats = NDArray[np.float64]

INTERCEPT = "(intercept)"


@dataclass(frozen=True)
class Logistic:
    """A fitted logistic regression; the first of the q + 1 entries is the intercept.

    Attributes
    ----------
    names
        "(intercept)", then the design columns.
    coefficients
        Log odds per unit, shape (q + 1,). A column that is a combination of earlier ones is
        left out of the fit, as R does: coefficient 0, its standard error NaN.
    covariance
        Shape (q + 1, q + 1), the inverse information.
    low, high
        Confidence limits of the coefficients, shape (q + 1,).
    log_likelihood
        At the maximum; penalized under Firth's method.
    method
        "Firth" when the data separate, so that the likelihood has no maximum.
    n, n_positive
        Cases fitted on.
    df
        Degrees of freedom of the t distribution behind p and limits, shape (q + 1,), where
        several imputations were pooled or patients have several cases; None is the normal
        distribution.
    """

    names: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    low: Floats
    high: Floats
    log_likelihood: float
    method: Method
    n: int
    n_positive: int
    df: Floats | None = None

    @property
    def se(self) -> Floats:
        """Standard errors of the coefficients (log odds), shape (q + 1,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def z(self) -> Floats:
        """Wald statistics, shape (q + 1,)."""
        return self.coefficients / self.se

    @property
    def p(self) -> Floats:
        """Two-sided Wald p values, shape (q + 1,)."""
        if self.df is not None:
            return np.asarray(2 * stdtr(self.df, -np.abs(self.z)))
        return np.asarray(2 * ndtr(-np.abs(self.z)))

    @property
    def odds_ratio(self) -> Floats:
        """Odds ratios per unit, shape (q + 1,)."""
        return np.exp(self.coefficients)

    @property
    def vif(self) -> Floats:
        """Variance inflation factors, shape (q + 1,), NaN for the intercept and columns left out.

        From the covariance of the coefficients, as R's rms::vif (Davis et al. 1986).
        """
        factors = np.full(len(self.coefficients), np.nan)
        used = np.flatnonzero(np.isfinite(self.se))[1:]
        if len(used):
            spread = np.outer(self.se[used], self.se[used])
            factors[used] = np.diag(np.linalg.inv(self.covariance[np.ix_(used, used)] / spread))
        return factors

    def linear_predictor(self, X: ArrayLike) -> Floats:
        """Return the log odds of new cases.

        Parameters
        ----------
        X
            Design columns, shape (n, q).

        Returns
        -------
        numpy.ndarray
            Shape (n,).
        """
        values = np.asarray(X, dtype=float)
        total: Floats = self.coefficients[0] + (values * self.coefficients[1:]).sum(axis=1)
        return total


@dataclass(frozen=True)
class ChiSquareTest:
    """A likelihood-ratio or Wald test; with nothing to test, 0 on 0 degrees of freedom, p = 1.

    Attributes
    ----------
    chi_square
        The statistic.
    df
        Its degrees of freedom.
    p
        Upper tail; where the fit has degrees of freedom of its own, of F and not of chi-square.
    """

    chi_square: float
    df: int
    p: float


def fit(X: ArrayLike, y: ArrayLike, *, names: Sequence[str], confidence: float = 0.95) -> Logistic:
    """Fit a logistic regression with intercept.

    Parameters
    ----------
    X
        Design columns, shape (n, q), q may be 0.
    y
        0 or 1, shape (n,), both present.
    names
        Names of the q columns.
    confidence
        Level of the Wald intervals.

    Returns
    -------
    Logistic
        By maximum likelihood (agreeing with R's glm to 1e-8); when the
        data separate completely or quasi-completely (Konis 2007, by linear programming),
        by Firth's penalized likelihood (Firth 1993; Heinze and Schemper 2002), said in `method`.

    Raises
    ------
    StudyError
        When a class is missing, or y holds anything but 0 and 1.
    ValueError
        When X is not of shape (n, q) for n outcomes and q names, or holds what is no finite number.

    Examples
    --------
    >>> from microcalc.models import logistic
    >>> X, y = [[0.0]] * 4 + [[1.0]] * 4, [0, 1, 0, 0, 1, 1, 0, 1]  # odds 1 : 3 and 3 : 1
    >>> fitted = logistic.fit(X, y, names=["palpable"])
    >>> fitted.odds_ratio.round(4), fitted.p.round(4), fitted.method
    (array([0.3333, 9.    ]), array([0.3414, 0.1785]), 'maximum likelihood')
    """
    design, outcome = _checked(X, y, names)
    kept = independent(design)
    estimate, method = maximum(design[:, kept], outcome)
    coefficients = np.zeros(design.shape[1])
    covariance = np.full((design.shape[1], design.shape[1]), np.nan)
    coefficients[kept] = estimate.coefficients
    covariance[np.ix_(kept, kept)] = estimate.covariance
    half = ndtri(0.5 + confidence / 2) * np.sqrt(np.diag(covariance))
    return Logistic(
        (INTERCEPT, *names),
        coefficients,
        covariance,
        coefficients - half,
        coefficients + half,
        estimate.log_likelihood,
        method,
        len(outcome),
        int(outcome.sum()),
    )


def drop_test(
    X: ArrayLike, y: ArrayLike, drop: ArrayLike, *, full: Logistic | None = None
) -> ChiSquareTest:
    """Return the likelihood ratio test of leaving the columns marked in `drop` out of the model.

    Parameters
    ----------
    X
        Design columns, shape (n, q).
    y
        0 or 1, shape (n,).
    drop
        True for each column to test, shape (q,).
    full
        The fit of all columns, when there is one already.

    Returns
    -------
    ChiSquareTest
        Under separation the penalized likelihood ratio of Heinze and Schemper 2002: the
        coefficients are held at 0 and the penalty stays that of the full model.

    Raises
    ------
    StudyError, ValueError
        As `fit` does.

    Examples
    --------
    >>> from microcalc.models import logistic
    >>> X, y = [[0.0]] * 4 + [[1.0]] * 4, [0, 1, 0, 0, 1, 1, 0, 1]
    >>> test = logistic.drop_test(X, y, [True])
    >>> round(test.chi_square, 4), test.df, round(test.p, 4)
    (2.093, 1, 0.148)
    """
    given = np.asarray(X, dtype=float)
    design, outcome = _checked(given, y, [""] * given.shape[1])
    dropped = np.append(False, np.asarray(drop, dtype=bool))
    # The columns under test come last, so that whatever the others explain is theirs.
    order = np.concatenate([np.flatnonzero(~dropped), np.flatnonzero(dropped)])
    order = order[independent(design[:, order])]
    used, tested = design[:, order], dropped[order]
    if not tested.any():
        return ChiSquareTest(0.0, 0, 1.0)
    if full is not None and len(order) == design.shape[1]:
        highest, method = full.log_likelihood, full.method
    else:
        estimate, method = maximum(used, outcome)
        highest = estimate.log_likelihood
    if method == "Firth":
        reduced = penalized_maximum(used, outcome, fixed=tested)
    else:
        reduced = maximum_likelihood(used[:, ~tested], outcome)
    statistic = max(2 * (highest - reduced.log_likelihood), 0.0)
    df = int(tested.sum())
    return ChiSquareTest(statistic, df, float(chdtrc(df, statistic)))


def wald_test(fitted: Logistic, drop: ArrayLike) -> ChiSquareTest:
    """Return Wald's test of the columns marked in `drop` being all zero.

    Parameters
    ----------
    fitted
        A fit of q columns.
    drop
        True for each column to test, shape (q,).

    Returns
    -------
    ChiSquareTest
        Of as many degrees of freedom as marked columns have a standard error; p = 1 where none has.

    Examples
    --------
    >>> from microcalc.models import logistic
    >>> X, y = [[0.0]] * 4 + [[1.0]] * 4, [0, 1, 0, 0, 1, 1, 0, 1]
    >>> test = logistic.wald_test(logistic.fit(X, y, names=["palpable"]), [True])
    >>> round(test.chi_square, 4), test.df, round(test.p, 4)
    (1.8104, 1, 0.1785)
    """
    marked = np.append(False, np.asarray(drop, dtype=bool)) & np.isfinite(fitted.se)
    if not marked.any():
        return ChiSquareTest(0.0, 0, 1.0)
    beta, df = fitted.coefficients[marked], int(marked.sum())
    solved = np.linalg.solve(fitted.covariance[np.ix_(marked, marked)], beta)
    return referred(float((beta * solved).sum()), df, fitted)


def referred(statistic: float, df: int, fitted: Logistic) -> ChiSquareTest:
    """Return the test of a statistic that is chi-square on `df` degrees of freedom in theory.

    Where the fit has degrees of freedom v of its own, p is that of statistic / df under F on
    df and df v: for one column t on v, for several the F of Thomas and Rao (J Am Stat Assoc
    1987; 82: 630) for Rao and Scott's corrected tests.

    Parameters
    ----------
    statistic
        Chi-square.
    df
        Its degrees of freedom.
    fitted
        The fit that it comes from.

    Returns
    -------
    ChiSquareTest
        The statistic with its p value.

    Examples
    --------
    >>> from microcalc.models import logistic
    >>> X, y = [[0.0]] * 4 + [[1.0]] * 4, [0, 1, 0, 0, 1, 1, 0, 1]
    >>> test = logistic.referred(3.841, 1, logistic.fit(X, y, names=["palpable"]))
    >>> round(test.p, 3)
    0.05
    """
    if fitted.df is None:
        return ChiSquareTest(statistic, df, float(chdtrc(df, statistic)))
    own = float(np.min(fitted.df))
    return ChiSquareTest(statistic, df, float(fdtrc(df, df * own, statistic / df)))


def _checked(X: ArrayLike, y: ArrayLike, names: Sequence[str]) -> tuple[Floats, Floats]:
    values, outcome = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    if values.shape != (len(outcome), len(names)):
        raise ValueError(
            f"X has shape {values.shape}; expected ({len(outcome)}, {len(names)}) for the names"
        )
    if not np.isfinite(values).all():
        raise ValueError("the design holds values that are not finite numbers")
    if set(np.unique(outcome)) != {0.0, 1.0}:
        raise StudyError(
            "a logistic regression needs cases of both classes; it was given "
            f"{int((outcome == 1).sum())} positive and {int((outcome == 0).sum())} negative cases"
        )
    return np.column_stack([np.ones(len(outcome)), values]), outcome
