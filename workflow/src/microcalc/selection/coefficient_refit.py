"""Coefficients of the selected features, refitted without or with another penalty."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from microcalc.selection import lasso
from microcalc.selection.likelihood import independent, maximum

Floats = NDArray[np.float64]
Refit = Literal["none", "logistic", "ridge"]


def logistic(Z: Floats, y: NDArray[np.generic]) -> tuple[float, Floats]:
    """Return intercept and coefficients without penalty; Firth's where the classes separate.

    Parameters
    ----------
    Z
        The selected features, scaled, shape (n, k).
    y
        0 or 1, shape (n,).

    Returns
    -------
    intercept, coefficients
        A number, and shape (k,); 0 where a feature is a combination of those before it.

    Raises
    ------
    StudyError
        As `likelihood.maximum`.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import coefficient_refit
    >>> Z, y = np.array([[-1.0]] * 4 + [[1.0]] * 4), np.array([0, 1, 0, 0, 1, 1, 0, 1])
    >>> intercept, coefficients = coefficient_refit.logistic(Z, y)
    >>> round(intercept, 4) + 0.0, coefficients.round(4)  # log 3
    (0.0, array([1.0986]))
    """
    design = np.column_stack([np.ones(len(Z)), Z])
    used = independent(design)
    coefficients = np.zeros(design.shape[1])
    coefficients[used] = maximum(design[:, used], np.asarray(y, dtype=float))[0].coefficients
    return float(coefficients[0]), coefficients[1:]


def ridge(
    Z: Floats, y: NDArray[np.generic], folds: NDArray[np.int64] | None
) -> tuple[float, Floats]:
    """Return intercept and coefficients under a ridge penalty, tuned on `folds` by deviance.

    Parameters
    ----------
    Z
        The selected features, scaled, shape (n, k).
    y
        0 or 1, shape (n,).
    folds
        As for `lasso.cross_validate`.

    Returns
    -------
    intercept, coefficients
        A number, and shape (k,).

    Raises
    ------
    ValueError
        Without folds.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import coefficient_refit
    >>> Z, y = np.array([[-1.0]] * 4 + [[1.0]] * 4), np.array([0, 1, 0, 0, 1, 1, 0, 1])
    >>> intercept, coefficients = coefficient_refit.ridge(Z, y, np.arange(8) % 2)
    >>> bool(0 < coefficients[0] < np.log(3))
    True
    """
    if folds is None:
        raise ValueError("nothing was selected, so there is nothing to refit")
    tuned = lasso.cross_validate(Z, y, folds=folds, alpha=0.0)
    return (
        float(tuned.path.intercepts[tuned.index_min]),
        tuned.path.coefficients[:, tuned.index_min],
    )
