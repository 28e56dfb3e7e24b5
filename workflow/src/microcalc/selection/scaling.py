"""Centering and scaling of features, fitted on the training cases alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """Training means and standard deviations of p features.

    Attributes
    ----------
    mean, sd
        Shape (p,), in the features' own units. `sd` has the divisor n, as glmnet's, and is
        exactly 0 for a feature that is constant among the training cases.
    """

    mean: Floats
    sd: Floats

    @property
    def varies(self) -> NDArray[np.bool_]:
        """Shape (p,): whether the feature takes more than one value among the training cases."""
        return self.sd > 0

    def apply(self, X: ArrayLike) -> Floats:
        """Return standardized features: (X - mean) / sd.

        Parameters
        ----------
        X
            Features in the units of the fit, shape (n, p).

        Returns
        -------
        numpy.ndarray
            In training SDs, shape (n, p); a feature constant in training becomes 0.
        """
        scaled: Floats = np.asarray(X, dtype=float) - self.mean
        scaled /= np.where(self.varies, self.sd, np.inf)
        return scaled


def fit(X: ArrayLike) -> Scaling:
    """Return the means and standard deviations (divisor n) of the columns of X.

    Parameters
    ----------
    X
        Training features, shape (n, p).

    Returns
    -------
    Scaling
        Mean and SD, shape (p,) each; the SD of a column that does not vary is exactly 0.

    Examples
    --------
    >>> from microcalc.selection import scaling
    >>> scale = scaling.fit([[1.0, 5.0], [3.0, 5.0]])
    >>> scale.mean, scale.sd, scale.apply([[4.0, 5.0]])
    (array([2., 5.]), array([1., 0.]), array([[2., 0.]]))
    """
    values = np.asarray(X, dtype=float)
    mean = values.mean(axis=0)
    # The mean of n equal numbers is not always that number: rounding must not make a feature vary.
    constant = values.max(axis=0) == values.min(axis=0)
    mean = np.where(constant, values[0], mean)
    return Scaling(mean, np.where(constant, 0.0, values.std(axis=0)))
