"""Adjustment of p values for their number."""

import numpy as np
import numpy.typing as npt

from microcalc.statistics.arrays import Floats


def holm(p_values: npt.ArrayLike) -> Floats:
    """Return p values adjusted by Holm's step-down method (Scand J Stat 1979; 6: 65).

    Parameters
    ----------
    p_values
        One family, shape (m,). A missing one (NaN) stays missing and does not count in m.

    Returns
    -------
    numpy.ndarray
        Shape (m,), at most 1.

    Examples
    --------
    >>> from microcalc.statistics import multiplicity
    >>> multiplicity.holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = np.arange(order.size, 0, -1) * p[order]
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if order.size else steps
    return adjusted
