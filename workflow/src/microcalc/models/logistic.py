"""Logistic regression with inference: maximum likelihood, and Firth's when the data separate."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from firthmodels import FirthLogisticRegression, detect_separation
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from scipy.stats import chi2, norm
from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]
from statsmodels.genmod.families import Binomial  # type: ignore[import-untyped]
from statsmodels.genmod.generalized_linear_model import GLM  # type: ignore[import-untyped]

from microcalc.errors import StudyError

Floats = NDArray[np.float64]
Method = Literal["maximum likelihood", "Firth"]

INTERCEPT = "(intercept)"
# At a maximum of the likelihood nothing like this occurs; along a separating direction the
# linear predictor passes it on its way to infinity.
SUSPICIOUS = 10.0
# R's glm drops a column whose part not explained by the columns before it is smaller.
ALIASED = 1e-7
LONGEST_STEP = 5.0


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
        return np.asarray(2 * norm.sf(np.abs(self.z)))

    @property
    def odds_ratio(self) -> Floats:
        """Odds ratios per unit, shape (q + 1,)."""
        return np.exp(self.coefficients)

    def linear_predictor(self, X: ArrayLike) -> Floats:
        """Return the log odds of new cases, X of shape (n, q)."""
        values = np.asarray(X, dtype=float)
        total: Floats = self.coefficients[0] + (values * self.coefficients[1:]).sum(axis=1)
        return total


@dataclass(frozen=True)
class LikelihoodRatio:
    """A likelihood-ratio test; with nothing to test, 0 on 0 degrees of freedom and p = 1."""

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
        By maximum likelihood (statsmodels' GLM, agreeing with R's glm to 1e-8); when the
        data separate completely or quasi-completely (Konis 2007, by linear programming),
        by Firth's penalized likelihood (Firth 1993; Heinze and Schemper 2002), said in `method`.
    """
    design, outcome = _checked(X, y, names)
    kept = independent(design)
    estimate, method = _estimate(design[:, kept], outcome)
    coefficients = np.zeros(design.shape[1])
    covariance = np.full((design.shape[1], design.shape[1]), np.nan)
    coefficients[kept] = estimate.coefficients
    covariance[np.ix_(kept, kept)] = estimate.covariance
    half = norm.ppf(0.5 + confidence / 2) * np.sqrt(np.diag(covariance))
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


def drop_test(X: ArrayLike, y: ArrayLike, drop: ArrayLike) -> LikelihoodRatio:
    """Test whether the columns marked in `drop` can be left out of the model.

    Parameters
    ----------
    X
        Design columns, shape (n, q).
    y
        0 or 1, shape (n,).
    drop
        True for each column to test, shape (q,).

    Returns
    -------
    LikelihoodRatio
        Under separation the penalized likelihood ratio of Heinze and Schemper 2002: the
        coefficients are held at 0 and the penalty stays that of the full model.
    """
    given = np.asarray(X, dtype=float)
    design, outcome = _checked(given, y, [""] * given.shape[1])
    dropped = np.append(False, np.asarray(drop, dtype=bool))
    # The columns under test come last, so that whatever the others explain is theirs.
    order = np.concatenate([np.flatnonzero(~dropped), np.flatnonzero(dropped)])
    order = order[independent(design[:, order])]
    used, tested = design[:, order], dropped[order]
    if not tested.any():
        return LikelihoodRatio(0.0, 0, 1.0)
    full, method = _estimate(used, outcome)
    if method == "Firth":
        reduced = penalized_maximum(used, outcome, fixed=tested)
    else:
        reduced = _maximum_likelihood(used[:, ~tested], outcome)
    statistic = max(2 * (full.log_likelihood - reduced.log_likelihood), 0.0)
    df = int(tested.sum())
    return LikelihoodRatio(statistic, df, float(chi2.sf(statistic, df)))


@dataclass(frozen=True)
class _Estimate:
    coefficients: Floats
    covariance: Floats
    log_likelihood: float
    predictor: Floats


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


def independent(design: Floats) -> NDArray[np.int64]:
    """Return the columns that are no linear combination of columns before them."""
    kept: list[int] = []
    basis: list[Floats] = []
    for j, column in enumerate(design.T):
        rest = column.copy()
        for _ in range(2):  # twice is enough (Kahan): once leaves rounding errors
            for direction in basis:
                rest -= (direction * rest).sum() * direction
        size = float(np.sqrt((rest**2).sum()))
        if size > ALIASED * max(float(np.sqrt((column**2).sum())), np.finfo(float).tiny):
            basis.append(rest / size)
            kept.append(j)
    return np.array(kept, dtype=np.int64)


def _estimate(design: Floats, y: Floats) -> tuple[_Estimate, Method]:
    """Return the maximum of the likelihood, or of Firth's where the former has none."""
    likely = _maximum_likelihood(design, y)
    if np.abs(likely.predictor).max() < SUSPICIOUS or not separated(design, y):
        return likely, "maximum likelihood"
    return _firth(design, y), "Firth"


def separated(design: Floats, y: Floats) -> bool:
    """Return whether some combination of the columns separates the classes, if only partly.

    Complete and quasi-complete separation, by linear programming (Konis 2007).

    Parameters
    ----------
    design
        Independent columns, the intercept among them, shape (n, q).
    y
        0 or 1, shape (n,).
    """
    spread = np.abs(design).max(axis=0)
    return bool(detect_separation(design / spread, y, fit_intercept=False).separation)


def _maximum_likelihood(design: Floats, y: Floats) -> _Estimate:
    with warnings.catch_warnings():
        # Under separation statsmodels warns of what `separated` then looks into.
        warnings.simplefilter("ignore")
        result: Any = GLM(y, design, family=Binomial()).fit(tol=1e-14, maxiter=100)
    predictor = (design * np.asarray(result.params)).sum(axis=1)
    return _Estimate(
        np.asarray(result.params), np.asarray(result.cov_params()), float(result.llf), predictor
    )


def _firth(design: Floats, y: Floats) -> _Estimate:
    scale = np.abs(design).max(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = FirthLogisticRegression(backend="numpy", fit_intercept=False, max_iter=1000)
        start = np.asarray(model.fit(design / scale, y).coef_, dtype=float).reshape(-1) / scale
    # The library stops at 1e-4; a few more Newton steps make tests and intervals exact.
    return penalized_maximum(design, y, fixed=np.zeros(len(start), dtype=bool), start=start)


def penalized_maximum(
    design: Floats, y: Floats, *, fixed: NDArray[np.bool_], start: Floats | None = None
) -> _Estimate:
    """Maximize Firth's penalized likelihood of the full design with `fixed` coefficients at 0.

    firthmodels tests one coefficient at a time; a variable with several levels needs its
    coefficients held together, under the full model's penalty (Heinze and Schemper 2002).
    """
    beta = np.zeros(design.shape[1]) if start is None else start.copy()
    free, spread = ~fixed, np.abs(design).max(axis=0)
    value = _penalized_log_likelihood(design, y, beta)
    for _ in range(1000):
        probability, hat, information = _leverage(design, beta)
        score = (design * (y - probability + hat * (0.5 - probability))[:, None]).sum(axis=0)
        step = np.zeros_like(beta)
        step[free] = np.linalg.solve(information[np.ix_(free, free)], score[free])
        step /= max(1.0, float(np.abs(step * spread).max()) / LONGEST_STEP)
        while _penalized_log_likelihood(design, y, beta + step) < value - 1e-12:
            step /= 2
        beta = beta + step
        value = _penalized_log_likelihood(design, y, beta)
        if np.abs(step * spread).max() < 1e-10:
            break
    probability, hat, _ = _leverage(design, beta)
    # logistf's and firthmodels' covariance: the information of the augmented data.
    weight = probability * (1 - probability) * (1 + hat)
    covariance = np.asarray(np.linalg.inv(_information(design, weight)), dtype=float)
    return _Estimate(beta, covariance, value, (design * beta).sum(axis=1))


def _leverage(design: Floats, beta: Floats) -> tuple[Floats, Floats, Floats]:
    probability = expit((design * beta).sum(axis=1))
    weight = probability * (1 - probability)
    information = _information(design, weight)
    solved = np.linalg.solve(information, design.T).T
    return probability, weight * (design * solved).sum(axis=1), information


def _information(design: Floats, weight: Floats) -> Floats:
    return np.asarray(np.einsum("ij,i,ik->jk", design, weight, design))


def _penalized_log_likelihood(design: Floats, y: Floats, beta: Floats) -> float:
    predictor = (design * beta).sum(axis=1)
    likelihood = -np.logaddexp(0, np.where(y == 1, -predictor, predictor)).sum()
    probability = expit(predictor)
    information = _information(design, probability * (1 - probability))
    sign, log_determinant = np.linalg.slogdet(information)
    return float(likelihood + 0.5 * log_determinant) if sign > 0 else -np.inf
