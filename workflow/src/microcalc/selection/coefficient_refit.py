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
    """
    design = np.column_stack([np.ones(len(Z)), Z])
    used = independent(design)
    coefficients = np.zeros(design.shape[1])
    coefficients[used] = maximum(design[:, used], np.asarray(y, dtype=float))[0].coefficients
    return float(coefficients[0]), coefficients[1:]


def ridge(
    Z: Floats, y: NDArray[np.generic], folds: NDArray[np.int64] | None
) -> tuple[float, Floats]:
    """Return intercept and coefficients under a ridge penalty, tuned on `folds` by deviance."""
    if folds is None:
        raise ValueError("nothing was selected, so there is nothing to refit")
    tuned = lasso.cross_validate(Z, y, folds=folds, alpha=0.0)
    return (
        float(tuned.path.intercepts[tuned.index_min]),
        tuned.path.coefficients[:, tuned.index_min],
    )
