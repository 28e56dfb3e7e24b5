"""Rubin's rules: one inference from the fits to several imputed tables."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import fdtrc, stdtrit

from microcalc.models.logistic import ChiSquareTest, Logistic

Floats = NDArray[np.float64]


def pool(fits: Sequence[Logistic], *, confidence: float = 0.95) -> Logistic:
    """Return the regression pooled by Rubin's rules, with t intervals and p values.

    Degrees of freedom are Barnard and Rubin's, the complete data's those of the fits where they
    have some.

    Parameters
    ----------
    fits
        At least one; a single fit is returned as it is.
    confidence
        Level of the intervals.

    Returns
    -------
    Logistic
        Means of the coefficients; covariance within plus (1 + 1/m) times that between the fits. Of
        several fits there is no log-likelihood (NaN).

    References
    ----------
    Rubin, Multiple Imputation for Nonresponse in Surveys, 1987. Barnard and Rubin, Biometrika
    1999; 86: 948.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.core import seeds
    >>> from microcalc.models import logistic, rubin
    >>> rng = seeds.stream(1, "pool")
    >>> y, x = np.arange(60) % 2, rng.normal(size=(2, 60, 1))
    >>> fits = [logistic.fit(X, y, names=["x"]) for X in x]
    >>> pooled = rubin.pool(fits)
    >>> bool(pooled.se[1] > max(fit.se[1] for fit in fits))
    True
    """
    first, m = fits[0], len(fits)
    if m == 1:
        return first
    coefficients = np.mean([fit.coefficients for fit in fits], axis=0)
    within, between = _variances(fits)
    total = within + (1 + 1 / m) * between
    variance = np.diag(total)
    lost = np.clip((1 + 1 / m) * np.diag(between) / variance, 1e-12, 1.0)
    complete: Floats | int = max(first.n - len(coefficients), 1)
    if first.df is not None:
        complete = first.df
    observed = (complete + 1) / (complete + 3) * complete * (1 - lost)
    df = 1 / (lost**2 / (m - 1) + 1 / np.maximum(observed, 1e-12))
    half = stdtrit(df, 0.5 + confidence / 2) * np.sqrt(variance)
    return Logistic(
        names=first.names,
        coefficients=coefficients,
        covariance=total,
        low=coefficients - half,
        high=coefficients + half,
        log_likelihood=float("nan"),
        method="Firth" if any(fit.method == "Firth" for fit in fits) else first.method,
        n=first.n,
        n_positive=first.n_positive,
        df=df,
    )


def wald_test(fits: Sequence[Logistic], drop: ArrayLike) -> ChiSquareTest:
    """Test whether columns are all zero, by the statistic D1.

    Its p is that of the F distribution, whose denominator has no more degrees of freedom than the
    test of one table would have.

    Parameters
    ----------
    fits
        At least two, of the same q columns.
    drop
        True for each column to test, shape (q,).

    Returns
    -------
    ChiSquareTest
        Its chi-square is D1 times the number of columns tested; 0, with p = 1, where none of them
        has a standard error in every fit.

    References
    ----------
    Li, Raghunathan and Rubin, J Am Stat Assoc 1991; 86: 1065.
    """
    marked = np.append(False, np.asarray(drop, dtype=bool))
    marked &= np.all([np.isfinite(fit.se) for fit in fits], axis=0)
    k, m = int(marked.sum()), len(fits)
    if k == 0:
        return ChiSquareTest(0.0, 0, 1.0)
    mean = np.mean([fit.coefficients for fit in fits], axis=0)[marked]
    within, between = (v[np.ix_(marked, marked)] for v in _variances(fits))
    increase = max((1 + 1 / m) * float(np.trace(np.linalg.solve(within, between))) / k, 1e-12)
    statistic = float((mean * np.linalg.solve(within, mean)).sum()) / (1 + increase)
    t = k * (m - 1)
    if t > 4:
        df = 4 + (t - 4) * (1 + (1 - 2 / t) / increase) ** 2
    else:
        df = t * (1 + 1 / k) * (1 + 1 / increase) ** 2 / 2
    if fits[0].df is not None:
        df = min(df, k * float(fits[0].df.min()))
    return ChiSquareTest(statistic, k, float(fdtrc(k, df, statistic / k)))


def _variances(fits: Sequence[Logistic]) -> tuple[Floats, Floats]:
    """Return the mean covariance of the coefficients and their covariance between the fits."""
    deviations = np.stack([fit.coefficients for fit in fits])
    deviations = deviations - deviations.mean(axis=0)
    between = np.einsum("ij,ik->jk", deviations, deviations) / (len(fits) - 1)
    return np.mean([fit.covariance for fit in fits], axis=0), between
