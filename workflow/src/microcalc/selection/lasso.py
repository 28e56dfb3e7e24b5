"""LASSO logistic regression with glmnet's conventions: path, cross-validation, elastic net.

The objective is mean negative log-likelihood + lambda * (alpha * |beta|_1 + (1 - alpha) / 2 *
|beta|_2^2) on columns standardized with divisor n, the intercept unpenalized (Friedman,
Hastie and Tibshirani 2010, J Stat Softw 33(1)). Coefficients are reported on the scale of X.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from microcalc.core.errors import StudyError
from microcalc.selection import scaling
from microcalc.statistics.auc import auc

Floats = NDArray[np.float64]
Criterion = Literal["deviance", "auc"]

TOLERANCE = 1e-14


@dataclass(frozen=True)
class Path:
    """Coefficients along a descending grid of L lambdas.

    Attributes
    ----------
    lambdas, intercepts, deviance_ratio
        Shape (L,); the deviance ratio is the explained share of the null deviance.
    coefficients
        Shape (p, L), on the scale of X.
    """

    lambdas: Floats
    intercepts: Floats
    coefficients: Floats
    deviance_ratio: Floats

    @property
    def n_nonzero(self) -> NDArray[np.int64]:
        """Shape (L,): how many coefficients are not zero."""
        return np.asarray(np.count_nonzero(self.coefficients, axis=0), dtype=np.int64)

    def predict(self, X: ArrayLike) -> Floats:
        """Return the linear predictors of new cases, in log odds.

        Parameters
        ----------
        X
            Features in the units of the fit, shape (n, p).

        Returns
        -------
        numpy.ndarray
            Shape (n, L), a column for each lambda.
        """
        # Not a matrix product: BLAS may sum in another order with another number of threads.
        values = np.asarray(X, dtype=float)
        total = np.tile(self.intercepts, (len(values), 1))
        for column, coefficients in zip(values.T, self.coefficients, strict=True):
            total += column[:, None] * coefficients
        return total


@dataclass(frozen=True)
class CrossValidation:
    """A cross-validation curve. It tunes lambda; it estimates no performance.

    Attributes
    ----------
    path
        The path fitted on all cases; its lambdas are the curve's.
    criterion
        What chose lambda: "deviance" or "auc".
    deviance, se
        Mean held-out deviance per case and its standard error, shape (L,).
    auc, auc_se
        Mean held-out AUC and its standard error, shape (L,); None unless it is the criterion.
    index_min, index_1se
        Positions of `lambda_min` and `lambda_1se` in the path; 0 on an empty path.
    """

    path: Path
    criterion: Criterion
    deviance: Floats
    se: Floats
    auc: Floats | None
    auc_se: Floats | None
    index_min: int
    index_1se: int

    @property
    def lambdas(self) -> Floats:
        """Shape (L,), descending."""
        return self.path.lambdas

    @property
    def lambda_min(self) -> float:
        """The lambda with the best mean; of several the largest."""
        return float(self.lambdas[self.index_min])

    @property
    def lambda_1se(self) -> float:
        """The largest lambda whose mean is within one standard error of the best."""
        return float(self.lambdas[self.index_1se])


def fit_path(
    X: ArrayLike,
    y: ArrayLike,
    *,
    lambdas: ArrayLike | None = None,
    n_lambdas: int = 100,
    alpha: float = 1.0,
    standardize: bool = True,
    tolerance: float = TOLERANCE,
) -> Path:
    """Return the coefficients along a path of lambdas.

    Parameters
    ----------
    X
        Shape (n, p), any units; p may exceed n and may be 0. A constant column keeps the
        coefficient 0.
    y
        0 or 1, shape (n,), both present.
    lambdas
        A grid of your own, put in descending order; by default glmnet's, from the smallest
        lambda without any coefficient down to its 1e-4 (0.01 when n < p), ended early when
        the deviance stops falling.
    n_lambdas
        Length of the default grid.
    alpha
        1 is the LASSO, less is the elastic net, 0 is ridge regression.
    standardize
        Penalize coefficients per SD (divisor n) rather than per unit.
    tolerance
        Convergence, in units of the quadratic model; glmnet's `thresh`.

    Returns
    -------
    Path
        With no column that varies the default path is empty (L = 0).

    Raises
    ------
    StudyError
        When a class is missing.

    References
    ----------
    Friedman, Hastie and Tibshirani, J Stat Softw 2010; 33(1).

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.core import seeds
    >>> from microcalc.selection import lasso
    >>> y, X = np.repeat([0, 1], 50), seeds.stream(1, "features").normal(size=(100, 30))
    >>> X[:, 3] += 2 * y
    >>> path = lasso.fit_path(X, y, n_lambdas=50)
    >>> np.flatnonzero(path.coefficients[:, 5]), path.predict(X).shape
    (array([3]), (100, 50))
    """
    # numba takes long to import, and most of what reads a selection fits none.
    from microcalc.selection import descent

    values, outcome = _checked(X, y)
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha}; expected a number from 0 to 1")
    scale = scaling.fit(values)
    unit = np.where(scale.varies, scale.sd if standardize else 1.0, np.inf)
    Z = np.ascontiguousarray((values - scale.mean) / unit)
    n, p = Z.shape
    if lambdas is not None:
        grid = np.sort(np.atleast_1d(np.asarray(lambdas, dtype=float)))[::-1].copy()
    else:
        gradient = np.abs((Z * (outcome - outcome.mean())[:, None]).mean(axis=0))
        # No ridge penalty makes every coefficient zero: glmnet begins where alpha = 0.001 would.
        largest = float(gradient.max(initial=0.0)) / max(alpha, 0.001)
        # Columns that vary only by rounding leave nothing to walk along.
        if largest < 1e-12:
            n_lambdas = 0
        smallest = 1e-4 if n >= p else 0.01
        grid = largest * np.exp(np.linspace(0.0, np.log(smallest), n_lambdas))
    # Of one type always: an integer alpha would be compiled, and cached, once more.
    intercepts, betas, ratios, count = descent.path(
        Z, outcome, grid, float(alpha), float(tolerance), lambdas is None
    )
    coefficients = (betas[:count] / unit).T
    shift = (coefficients * scale.mean[:, None]).sum(axis=0)
    return Path(grid[:count], intercepts[:count] - shift, coefficients, ratios[:count])


def cross_validate(
    X: ArrayLike,
    y: ArrayLike,
    *,
    folds: ArrayLike,
    lambdas: ArrayLike | None = None,
    n_lambdas: int = 100,
    alpha: float = 1.0,
    criterion: Criterion = "deviance",
    tolerance: float = TOLERANCE,
) -> CrossValidation:
    """Choose lambda by cross-validation, each fold fitted at the very lambdas of the full path.

    Agrees with `cv.glmnet(lambda = ...)`: means weighted by fold size, standard error
    sqrt(weighted mean of squared deviations / (K - 1)), probabilities clipped to
    [1e-5, 1 - 1e-5] in the deviance.

    Parameters
    ----------
    X, y, lambdas, n_lambdas, alpha, tolerance
        As in `fit_path`.
    folds
        Fold of each case, shape (n,); or shape (r, n) for r repetitions, whose means and
        standard errors are averaged.
    criterion
        "deviance", or "auc" (mean of the folds' AUCs; a fold with one class counts nothing).

    Returns
    -------
    CrossValidation
        The curve, and where along the path of all cases its best point and one standard error lie.

    Raises
    ------
    StudyError
        When the cases outside some fold are all of one class, or no fold can tell an AUC.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.core import seeds
    >>> from microcalc.selection import lasso
    >>> y, X = np.repeat([0, 1], 50), seeds.stream(1, "features").normal(size=(100, 30))
    >>> X[:, 3] += 2 * y
    >>> tuned = lasso.cross_validate(X, y, folds=np.arange(100) % 5, n_lambdas=50)
    >>> tuned.lambda_1se >= tuned.lambda_min, bool(tuned.path.coefficients[3, tuned.index_1se] > 0)
    (True, True)
    """
    values, outcome = _checked(X, y)
    path = fit_path(
        values, outcome, lambdas=lambdas, n_lambdas=n_lambdas, alpha=alpha, tolerance=tolerance
    )
    repeats = np.atleast_2d(np.asarray(folds))
    if len(path.lambdas) == 0:
        nothing = np.empty(0)
        return CrossValidation(path, criterion, nothing, nothing, None, None, 0, 0)
    curves = [
        _held_out(values, outcome, fold, path.lambdas, alpha, criterion, tolerance)
        for fold in repeats
    ]
    deviance, se, auc, auc_se = np.mean(np.array(curves), axis=0)
    worse, error = (-auc, auc_se) if criterion == "auc" else (deviance, se)
    index_min = int(np.argmin(worse))
    index_1se = int(np.argmax(worse <= (worse + error)[index_min]))
    is_auc = criterion == "auc"
    return CrossValidation(
        path,
        criterion,
        deviance,
        se,
        auc if is_auc else None,
        auc_se if is_auc else None,
        index_min,
        index_1se,
    )


def _checked(X: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    values, outcome = np.asarray(X, dtype=float), np.array(y, dtype=float)
    if values.ndim != 2 or outcome.shape != values.shape[:1]:
        raise ValueError(
            f"X has shape {values.shape} and y {outcome.shape}; expected (n, p) and (n,)"
        )
    if not np.isfinite(values).all():
        raise ValueError("X holds values that are not finite numbers")
    if set(np.unique(outcome)) != {0.0, 1.0}:
        raise StudyError(
            f"the LASSO needs cases of both classes; it was given {int((outcome == 1).sum())} "
            f"positive and {int((outcome == 0).sum())} negative cases"
        )
    return values, outcome


def _held_out(
    X: Floats,
    y: Floats,
    fold: NDArray[np.generic],
    lambdas: Floats,
    alpha: float,
    criterion: Criterion,
    tolerance: float,
) -> tuple[Floats, Floats, Floats, Floats]:
    deviances, aucs, sizes, auc_sizes = [], [], [], []
    for k in np.unique(fold):
        out = fold == k
        predictor = fit_path(
            X[~out], y[~out], lambdas=lambdas, alpha=alpha, tolerance=tolerance
        ).predict(X[out])
        deviances.append(_deviance(y[out], predictor))
        sizes.append(int(out.sum()))
        if criterion == "auc" and len(set(y[out])) == 2:
            aucs.append(np.array([auc(y[out], column) for column in predictor.T]))
            auc_sizes.append(int(out.sum()))
    nothing = np.full(len(lambdas), np.nan)
    if criterion != "auc":
        return *_mean_and_error(deviances, sizes), nothing, nothing
    if len(aucs) < 2:
        raise StudyError(
            "selection.lasso.criterion: auc needs folds that hold cases of both classes; "
            "use fewer folds or the deviance"
        )
    return *_mean_and_error(deviances, sizes), *_mean_and_error(aucs, auc_sizes)


def _mean_and_error(curves: list[Floats], sizes: list[int]) -> tuple[Floats, Floats]:
    values, weights = np.array(curves), np.array(sizes, dtype=float)[:, None]
    mean = (values * weights).sum(axis=0) / weights.sum()
    variance = ((values - mean) ** 2 * weights).sum(axis=0) / weights.sum()
    return mean, np.sqrt(variance / max(len(curves) - 1, 1))


def _deviance(y: Floats, predictor: Floats) -> Floats:
    probability = np.clip(expit(predictor), 1e-5, 1 - 1e-5)
    likelihood = np.where(y[:, None] == 1, probability, 1 - probability)
    mean: Floats = -2 * np.log(likelihood).mean(axis=0)
    return mean
