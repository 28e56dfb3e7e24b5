"""Restricted cubic splines: smooth between the outer knots, straight beyond them."""

import logging

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Harrell 2015, Regression Modeling Strategies, 2nd edition, table 2.3.
QUANTILES = {
    3: (0.10, 0.5, 0.90),
    4: (0.05, 0.35, 0.65, 0.95),
    5: (0.05, 0.275, 0.5, 0.725, 0.95),
}

logger = logging.getLogger(__name__)


def knots(values: Floats, number: int | None, *, name: str) -> tuple[float, ...]:
    """Return the knots of a variable: Harrell's quantiles of its observed training values.

    Parameters
    ----------
    values
        Observed values, shape (n,).
    number
        3, 4 or 5; None for a straight line.
    name
        The variable, for the log.

    Returns
    -------
    tuple of float
        Empty for a straight line, also where ties leave fewer than three distinct knots.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.models import splines
    >>> splines.knots(np.arange(101.0), 3, name="age")
    (10.0, 50.0, 90.0)
    """
    if number is None:
        return ()
    found = sorted({float(knot) for knot in np.quantile(values, QUANTILES[number])})
    if len(found) < number:
        logger.warning("%s: %d of %d knots are distinct", name, len(found), number)
    return tuple(found) if len(found) > 2 else ()


def bends(x: ArrayLike, at: tuple[float, ...]) -> Floats:
    """Return the nonlinear columns of a restricted cubic spline, shape (n, k - 2).

    Column j is [(x - t_j)+^3 - (x - t_(k-1))+^3 (t_k - t_j) / (t_k - t_(k-1)) + (x - t_k)+^3
    (t_(k-1) - t_j) / (t_k - t_(k-1))] / (t_k - t_1)^2 (Harrell 2015, equation 2.25, scaled as
    R's rms does).

    Parameters
    ----------
    x
        Shape (n,).
    at
        Ascending knots t_1 … t_k, at least 3; none gives no column.

    Returns
    -------
    numpy.ndarray
        Shape (n, k - 2), in the unit of x.

    Examples
    --------
    >>> from microcalc.models import splines
    >>> splines.bends([0.0, 50.0, 100.0], (10.0, 50.0, 90.0)).round(2).tolist()
    [[0.0], [10.0], [75.0]]
    """
    values = np.asarray(x, dtype=float)
    if not at:
        return np.empty((len(values), 0))
    first, before, last = at[0], at[-2], at[-1]

    def cube(knot: float) -> Floats:
        positive: Floats = np.maximum(values - knot, 0.0) ** 3
        return positive

    columns = [
        cube(knot)
        - cube(before) * (last - knot) / (last - before)
        + cube(last) * (before - knot) / (last - before)
        for knot in at[:-2]
    ]
    return np.column_stack(columns) / (last - first) ** 2
