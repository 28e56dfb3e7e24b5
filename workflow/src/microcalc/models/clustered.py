"""Inference for patients with more than one case: the sandwich over patients."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, ndtri

from microcalc.models.logistic import Logistic

Floats = NDArray[np.float64]


def by_patient(
    fitted: Logistic, X: ArrayLike, y: ArrayLike, patients: ArrayLike, *, confidence: float = 0.95
) -> Logistic:
    """Return the fit with standard errors and limits that know which cases share a patient.

    The coefficients stay. The covariance is Liang and Zeger's (Biometrika 1986; 73: 13), with
    independence as working correlation and the factor G / (G - 1) for G patients; under Firth's
    method it is taken at Firth's estimate.

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
    """
    design = np.column_stack([np.ones(fitted.n), np.asarray(X, dtype=float)])
    used = np.isfinite(np.diag(fitted.covariance))
    residuals = np.asarray(y, dtype=float) - expit(design @ fitted.coefficients)
    _, code = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    sums = np.zeros((int(code.max()) + 1, int(used.sum())))
    np.add.at(sums, code.reshape(-1), design[:, used] * residuals[:, None])
    bread = fitted.covariance[np.ix_(used, used)]
    covariance = np.full(fitted.covariance.shape, np.nan)
    factor = len(sums) / (len(sums) - 1)
    covariance[np.ix_(used, used)] = factor * bread @ (sums.T @ sums) @ bread
    half = ndtri(0.5 + confidence / 2) * np.sqrt(np.diag(covariance))
    return replace(
        fitted,
        covariance=covariance,
        low=fitted.coefficients - half,
        high=fitted.coefficients + half,
    )
