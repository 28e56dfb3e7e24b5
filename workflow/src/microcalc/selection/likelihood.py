"""The maximum of a logistic likelihood, and Firth's penalized one where it has none.

Libraries are imported where they are used: they take a second, and many a job that imports this
module, to predict for one, never comes to them.
"""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]
Method = Literal["maximum likelihood", "Firth"]

# At a maximum of the likelihood nothing like this occurs; along a separating direction the
# linear predictor passes it on its way to infinity.
SUSPICIOUS = 10.0
# R's glm drops a column whose part not explained by the columns before it is smaller.
ALIASED = 1e-7
LONGEST_STEP = 5.0
# Curvature, as a share of the information's, below which a Newton step is not trusted.
FLATTEST = 1e-3


@dataclass(frozen=True)
class Estimate:
    """A maximum: coefficients, their covariance, the (penalized) log-likelihood, log odds."""

    coefficients: Floats
    covariance: Floats
    log_likelihood: float
    predictor: Floats


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


def maximum(design: Floats, y: Floats) -> tuple[Estimate, Method]:
    """Return the maximum of the likelihood, or of Firth's where the former has none."""
    start = _approach(design, y)
    doubtful = start is None or np.abs((design * start).sum(axis=1)).max() >= SUSPICIOUS
    if doubtful and separated(design, y):
        return _firth(design, y), "Firth"
    return maximum_likelihood(design, y, start=start), "maximum likelihood"


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
    from firthmodels import detect_separation

    spread = np.abs(design).max(axis=0)
    return bool(detect_separation(design / spread, y, fit_intercept=False).separation)


def maximum_likelihood(design: Floats, y: Floats, *, start: Floats | None = None) -> Estimate:
    """Return the maximum by Newton's method; without one, wherever it stopped.

    Parameters
    ----------
    design
        Independent columns, the intercept among them, shape (n, q).
    y
        0 or 1, shape (n,).
    start
        The maximum, where it is known already, so that only its covariance is computed.
    """
    coefficients = _approach(design, y) if start is None else start
    if coefficients is None:
        none = np.zeros(design.shape[1], dtype=bool)
        coefficients, _ = constrained_maximum(design, y, fixed=none, start=np.zeros(len(none)))
    predictor = (design * coefficients).sum(axis=1)
    probability = expit(predictor)
    spread = np.abs(design).max(axis=0)
    information = _information(design / spread, probability * (1 - probability))
    covariance = np.linalg.pinv(information, hermitian=True) / np.outer(spread, spread)
    return Estimate(coefficients, covariance, _log_likelihood(y, predictor), predictor)


def _approach(design: Floats, y: Floats) -> Floats | None:
    """Return the maximum by Newton's plain steps, or None where they lead nowhere."""
    spread = np.abs(design).max(axis=0)
    scaled, beta = design / spread, np.zeros(design.shape[1])
    for _ in range(30):
        probability = expit((scaled * beta).sum(axis=1))
        weight = probability * (1 - probability)
        score = (scaled * (y - probability)[:, None]).sum(axis=0)
        try:
            step = np.linalg.solve(_information(scaled, weight), score)
        except np.linalg.LinAlgError:
            return None
        beta = beta + step
        largest = float(np.abs(step).max())
        # The error of such a step is its square.
        if largest < 1e-9:
            return np.asarray(beta / spread)
        if not largest < 1e6:
            return None
    return None


def constrained_maximum(
    design: Floats, y: Floats, *, fixed: NDArray[np.bool_], start: Floats
) -> tuple[Floats, float]:
    """Return coefficients and log-likelihood at the maximum with some coefficients held.

    Newton's method, its steps halved until the likelihood grows.

    Parameters
    ----------
    design
        Shape (n, q).
    y
        0 or 1, shape (n,).
    fixed
        True for each coefficient that stays where `start` has it, shape (q,).
    start
        Coefficients to begin at, shape (q,).
    """
    beta, free = start.copy(), ~fixed
    columns = design[:, free]
    predictor = (design * beta).sum(axis=1)
    value = _log_likelihood(y, predictor)
    for _ in range(200):
        probability = expit(predictor)
        score = (columns * (y - probability)[:, None]).sum(axis=0)
        information = _information(columns, probability * (1 - probability))
        step = np.zeros_like(beta)
        step[free] = np.linalg.lstsq(information, score, rcond=None)[0]
        while (gained := _gained(design, y, beta + step, value)) < -1e-12:
            step /= 2
        beta = beta + step
        predictor = (design * beta).sum(axis=1)
        value += gained
        if abs(gained) < 1e-13:
            break
    return beta, value


def _gained(design: Floats, y: Floats, beta: Floats, value: float) -> float:
    return _log_likelihood(y, (design * beta).sum(axis=1)) - value


def _firth(design: Floats, y: Floats) -> Estimate:
    from firthmodels import FirthLogisticRegression
    from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]

    scale = np.abs(design).max(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = FirthLogisticRegression(backend="numpy", fit_intercept=False, max_iter=1000)
        start = np.asarray(model.fit(design / scale, y).coef_, dtype=float).reshape(-1) / scale
    # The library stops at 1e-4; a few more Newton steps make tests and intervals exact.
    return penalized_maximum(design, y, fixed=np.zeros(len(start), dtype=bool), start=start)


def penalized_maximum(
    design: Floats, y: Floats, *, fixed: NDArray[np.bool_], start: Floats | None = None
) -> Estimate:
    """Maximize Firth's penalized likelihood of the full design with `fixed` coefficients at 0.

    firthmodels tests one coefficient at a time; a variable with several levels needs its
    coefficients held together, under the full model's penalty (Heinze and Schemper 2002).
    """
    beta = np.zeros(design.shape[1]) if start is None else start.copy()
    free, spread = ~fixed, np.abs(design).max(axis=0)
    value = _penalized_log_likelihood(design, y, beta)
    for _ in range(1000):
        score, curvature = _penalized_derivatives(design, y, beta, free)
        step = np.zeros_like(beta)
        step[free] = np.linalg.solve(curvature, score)
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
    return Estimate(beta, covariance, value, (design * beta).sum(axis=1))


def _leverage(design: Floats, beta: Floats) -> tuple[Floats, Floats, Floats]:
    """Return probabilities, shape (n,), leverages, shape (n,), and the information's inverse."""
    probability = expit((design * beta).sum(axis=1))
    weight = probability * (1 - probability)
    inverse: Floats = np.asarray(np.linalg.inv(_information(design, weight)), float)
    spread = (np.einsum("ij,jk->ik", design, inverse) * design).sum(axis=1)
    return probability, weight * spread, inverse


def _penalized_derivatives(
    design: Floats, y: Floats, beta: Floats, free: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Return the penalized likelihood's gradient and negative Hessian in the free coefficients.

    Fisher's information alone, the usual choice, needs hundreds of steps where few cases
    separate; the penalty's own second derivative makes it Newton's method. Away from the
    maximum, where that is not positive definite, the information takes its place.
    """
    probability, hat, inverse = _leverage(design, beta)
    weight = probability * (1 - probability)
    columns = design[:, free]
    score = (columns * (y - probability + hat * (0.5 - probability))[:, None]).sum(axis=0)
    information = _information(columns, weight)
    slope = columns * (weight * (1 - 2 * probability))[:, None]
    bend = _information(columns, (1 - 6 * weight) * hat)
    # Squares of all n x n covariances of predictors, summed without ever writing them down.
    q = design.shape[1]
    pairs = (design[:, :, None] * design[:, None, :]).reshape(len(design), q * q)
    third = np.einsum("ik,ij->kj", slope, pairs).reshape(-1, q, q)
    bend -= np.einsum("kab,lab->kl", third, inverse @ third @ inverse)
    curvature = information - bend / 2
    scale = np.sqrt(np.diag(information))
    least = np.linalg.eigvalsh(curvature / np.outer(scale, scale))[0]
    return score, curvature if least > FLATTEST else information


def _information(design: Floats, weight: Floats) -> Floats:
    return np.asarray(np.einsum("ij,i,ik->jk", design, weight, design))


def _log_likelihood(y: Floats, predictor: Floats) -> float:
    return float(-np.logaddexp(0, np.where(y == 1, -predictor, predictor)).sum())


def _penalized_log_likelihood(design: Floats, y: Floats, beta: Floats) -> float:
    predictor = (design * beta).sum(axis=1)
    probability = expit(predictor)
    information = _information(design, probability * (1 - probability))
    sign, log_determinant = np.linalg.slogdet(information)
    return _log_likelihood(y, predictor) + float(0.5 * log_determinant) if sign > 0 else -np.inf
