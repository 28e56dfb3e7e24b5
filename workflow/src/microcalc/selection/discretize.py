"""Turning continuous features into a few levels for mutual information."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microcalc.selection import scaling

# Small, since a table of a hundred thousand cases is held as codes too.
Codes = NDArray[np.int16]


@dataclass(frozen=True)
class Discretizer:
    """Cut points per feature, fitted on the training cases.

    Attributes
    ----------
    cuts
        Shape (m, p), ascending in each column, in the features' own units.
    """

    cuts: NDArray[np.float64]

    def apply(self, X: ArrayLike) -> Codes:
        """Return the level of each value as a code: 0 for the middle one, ±1, ±2 … away from it.

        With two cuts a value above the upper is 1, below the lower -1, else 0. With an
        odd number of cuts the codes run from -(m // 2) to (m + 1) // 2.

        Parameters
        ----------
        X
            Features in the units of the fit, shape (n, p).

        Returns
        -------
        numpy.ndarray
            Int16, shape (n, p).
        """
        values = np.asarray(X, dtype=float)
        m = len(self.cuts)
        codes = np.full(values.shape, -(m // 2), dtype=np.int16)
        for i, cut in enumerate(self.cuts):
            # On the cut a value belongs to the middle, whichever side it comes from.
            codes += values >= cut if i < m // 2 else values > cut
        return codes


def by_sd(X: ArrayLike, *, k: float = 0.5) -> Discretizer:
    """Return cuts at the training mean ± k standard deviations: codes -1, 0, 1.

    The rule of Peng et al. 2005 (IEEE TPAMI 27:1226), who used k = 1 and k = 0.5.

    Parameters
    ----------
    X
        Training features, shape (n, p).
    k
        Distance of the cuts from the mean in standard deviations (divisor n).

    Returns
    -------
    Discretizer
        Two cuts per feature.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import discretize
    >>> X = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]])
    >>> discretize.by_sd(X).apply(X).ravel()  # 3 ± 0.71
    array([-1, -1,  0,  1,  1], dtype=int16)
    """
    scale = scaling.fit(X)
    return Discretizer(np.stack([scale.mean - k * scale.sd, scale.mean + k * scale.sd]))


def by_quantiles(X: ArrayLike, *, levels: int) -> Discretizer:
    """Return cuts at the training quantiles 1/levels, 2/levels … (linear interpolation).

    Parameters
    ----------
    X
        Training features, shape (n, p).
    levels
        How many levels to make, at least 2. Heavily tied features end up with fewer.

    Returns
    -------
    Discretizer
        levels - 1 cuts per feature.

    Raises
    ------
    ValueError
        With fewer than 2 levels.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.selection import discretize
    >>> X = np.arange(8.0)[:, None]
    >>> discretize.by_quantiles(X, levels=4).apply(X).ravel()
    array([-1, -1,  0,  0,  1,  1,  2,  2], dtype=int16)
    """
    if levels < 2:
        raise ValueError(f"levels is {levels}; expected at least 2")
    values = np.asarray(X, dtype=float)
    return Discretizer(np.quantile(values, np.arange(1, levels) / levels, axis=0))
