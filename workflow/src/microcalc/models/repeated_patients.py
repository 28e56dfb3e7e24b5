"""Inference for patients with more than one case.

A logistic model gives the variance of every case's outcome; what it does not know is that the
outcomes of one patient's cases go together. That one number, their correlation, is estimated and
added. A case whose patient has no other adds nothing, so that without repeated patients all is
as it was, and a single one moves little.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, chdtri, expit, stdtrit

from microcalc.models import logistic, profile_likelihood
from microcalc.models.logistic import ChiSquareTest, Logistic

Floats = NDArray[np.float64]

# What the model leaves of a patient's residuals, as a share of their variance, below which they
# say nothing of the correlation.
DETERMINED = 1e-6


def by_patient(
    fitted: Logistic, X: ArrayLike, y: ArrayLike, patients: ArrayLike, *, confidence: float = 0.95
) -> Logistic:
    """Return the fit with standard errors and limits that know which cases share a patient.

    The coefficients stay. With the working correlation that `within_patient_correlation`
    estimates, Liang and Zeger's sandwich (Biometrika 1986; 73: 13) around the independence
    estimate is the model's covariance plus a term of the pairs of cases that share a patient.
    Of that term the positive part is taken: no variance, of a coefficient or of a combination
    of them, is less than the model's. Limits and p values are those of t on as many degrees of
    freedom as there are patients more than coefficients.

    Parameters
    ----------
    fitted
        From `logistic.fit` on the same cases.
    X, y
        As given to it, shapes (n, q) and (n,).
    patients
        Patient of each case, shape (n,).
    confidence
        Level of the limits.

    Returns
    -------
    Logistic
        `fitted` with covariance, limits and `df` replaced.
    """
    used = np.isfinite(np.diag(fitted.covariance))
    basis, triangle, residuals = _standardized(fitted, X, y, used)
    groups = _repeated(patients)
    together = np.zeros((len(triangle), len(triangle)))
    for cases in groups:
        rows = basis[cases]
        sums = rows.sum(axis=1)
        together += np.einsum("gi,gj->ij", sums, sums) - np.einsum("gmi,gmj->ij", rows, rows)
    values, directions = np.linalg.eigh(together)
    root = np.linalg.solve(triangle, directions * np.sqrt(np.maximum(values, 0.0)))
    covariance = fitted.covariance.copy()
    covariance[np.ix_(used, used)] += _correlation(basis, residuals, groups) * (root @ root.T)
    df = max(len(np.unique(np.asarray(patients, dtype=str))) - int(used.sum()), 1)
    half = stdtrit(df, 0.5 + confidence / 2) * np.sqrt(np.diag(covariance))
    return replace(
        fitted,
        covariance=covariance,
        low=fitted.coefficients - half,
        high=fitted.coefficients + half,
        df=np.full(len(used), float(df)),
    )


def within_patient_correlation(
    fitted: Logistic, X: ArrayLike, y: ArrayLike, patients: ArrayLike
) -> float:
    """Return the correlation of the outcomes of one patient's cases, given the predictors.

    Products of the Pearson residuals of a patient's cases over their squares, summed over all
    pairs. Each patient's residuals are first multiplied by the inverse square root of what the
    fit leaves of their covariance (Bell and McCaffrey, Survey Methodology 2002; 28: 169), so
    that independent cases show no correlation on average however few they are. It is at least
    0; and 1 where every such patient's residuals are determined by the fit, as where the only
    two cases of a level are one patient's.

    Parameters
    ----------
    fitted, X, y, patients
        As of `by_patient`.

    Returns
    -------
    float
        In [0, 1].
    """
    used = np.isfinite(np.diag(fitted.covariance))
    basis, _, residuals = _standardized(fitted, X, y, used)
    return _correlation(basis, residuals, _repeated(patients))


def drop_test(
    X: ArrayLike,
    y: ArrayLike,
    patients: ArrayLike,
    drop: ArrayLike,
    *,
    full: Logistic | None = None,
) -> ChiSquareTest:
    """Test by the likelihood ratio, knowing which cases share a patient.

    The statistic of `logistic.drop_test` times the ratio of Wald's statistics on the covariance
    of `by_patient` and on the model's, which is at most 1 (Chandler and Bate, Biometrika 2007;
    94: 167), referred to F as in `logistic.referred`. Where the data separate, the penalized
    likelihood's ratio, which errs on the safe side already, is referred to chi-square.

    Parameters
    ----------
    X, y, patients
        As of `by_patient`.
    drop
        True for each column under test, shape (q,).
    full
        The fit of all columns, the model's covariance in it, when there is one already.

    Returns
    -------
    ChiSquareTest
        Never larger than that of `logistic.drop_test`.

    Raises
    ------
    StudyError, ValueError
        As `logistic.fit` does.
    """
    given, marks = np.asarray(X, dtype=float), np.asarray(drop, dtype=bool)
    if full is None or not np.isfinite(full.se).all():
        # The columns under test come last, so that whatever the others explain is theirs.
        order = np.argsort(marks, kind="stable")
        given, marks = given[:, order], marks[order]
        full = logistic.fit(given, y, names=[""] * len(order))
    plain = logistic.drop_test(given, y, marks, full=full)
    if plain.chi_square == 0.0:
        return plain
    corrected = by_patient(full, given, y, patients)
    alone = logistic.wald_test(full, marks).chi_square
    share = logistic.wald_test(corrected, marks).chi_square / alone if alone > 0 else 1.0
    statistic = plain.chi_square * min(share, 1.0)
    if full.method == "Firth":
        return ChiSquareTest(statistic, plain.df, float(chdtrc(plain.df, statistic)))
    return logistic.referred(statistic, plain.df, corrected)


def profile_intervals(
    fitted: Logistic, X: ArrayLike, y: ArrayLike, patients: ArrayLike, *, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Return the limits where `drop_test` of one coefficient turns.

    They are found as `profile_likelihood.intervals` finds its own, but where twice the
    log-likelihood has fallen by another amount: the square of t's quantile, or chi-square's
    quantile under Firth's method, times the ratio of the coefficient's variance in `by_patient` to
    the model's.

    Parameters
    ----------
    fitted
        The fit, the model's covariance in it.
    X, y, patients, confidence
        As of `by_patient`.

    Returns
    -------
    tuple of arrays
        Lower and upper limits of log odds, shape (q + 1,), NaN for a column left out of the fit.

    Raises
    ------
    ArithmeticError
        If a limit is not found, see `profile_likelihood.intervals`.
    """
    corrected = by_patient(fitted, X, y, patients)
    if fitted.method == "Firth" or corrected.df is None:
        quantile = float(chdtri(1, 1 - confidence))
    else:
        quantile = float(stdtrit(corrected.df[0], 0.5 + confidence / 2)) ** 2
    # Each coefficient's likelihood falls by another amount.
    scale = np.diag(corrected.covariance) / np.diag(fitted.covariance)
    return profile_likelihood.intervals(X, y, fitted, quantiles=quantile * scale)


def _standardized(
    fitted: Logistic, X: ArrayLike, y: ArrayLike, used: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Return an orthonormal basis of the weighted columns, its triangle, and Pearson residuals.

    Products of the basis' rows are the leverages; the information is triangle' triangle.
    """
    design = np.column_stack([np.ones(fitted.n), np.asarray(X, dtype=float)])
    probability = expit((design * fitted.coefficients).sum(axis=1))
    # A probability that rounds to 1 leaves its case no weight, and no residual.
    spread = np.sqrt(np.maximum(probability * (1 - probability), np.finfo(float).tiny))
    basis, triangle = np.linalg.qr(design[:, used] * spread[:, None])
    return basis, triangle, (np.asarray(y, dtype=float) - probability) / spread


def _repeated(patients: ArrayLike) -> list[NDArray[np.int64]]:
    """Return the cases of the patients with several: per number of cases, shape (patients, m)."""
    _, code, count = np.unique(
        np.asarray(patients, dtype=str), return_inverse=True, return_counts=True
    )
    own = count[code.reshape(-1)]
    by_patient_then_case = np.argsort(code.reshape(-1), kind="stable")
    return [
        by_patient_then_case[own[by_patient_then_case] == m].reshape(-1, m)
        for m in np.unique(count[count > 1])
    ]


def _correlation(basis: Floats, residuals: Floats, groups: list[NDArray[np.int64]]) -> float:
    products, squares = 0.0, 0.0
    for cases in groups:
        rows, m = basis[cases], cases.shape[1]
        left = np.eye(m) - np.einsum("gmi,gni->gmn", rows, rows)
        values, directions = np.linalg.eigh(left)
        telling = values[:, 0] > DETERMINED
        values, directions = values[telling], directions[telling]
        turned = np.einsum("gmk,gm->gk", directions, residuals[cases][telling]) / np.sqrt(values)
        adjusted = np.einsum("gmk,gk->gm", directions, turned)
        total = float((adjusted**2).sum())
        products += (float((adjusted.sum(axis=1) ** 2).sum()) - total) / (m - 1)
        squares += total
    return float(np.clip(products / squares, 0.0, 1.0)) if squares > 0 else 1.0
