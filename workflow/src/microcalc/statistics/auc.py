"""The AUC alone, for rooms that decide by it; its variance and tests are evaluation's."""

import numpy as np
import numpy.typing as npt


def auc(y: npt.NDArray[np.generic], score: npt.NDArray[np.floating]) -> float:
    """Return the AUC: the share of pairs of a positive and a negative case in the right order.

    Parameters
    ----------
    y
        0 or 1, both present, shape (n,).
    score
        Finite numbers, larger meaning more likely positive, shape (n,). A tie counts one half,
        exactly.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        When a class is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.statistics.auc import auc
    >>> auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.4, 0.8]))
    0.875
    """
    positive, negative = score[y == 1], np.sort(score[y == 0])
    if not (positive.size and negative.size):
        raise ValueError(f"{positive.size} positive and {negative.size} negative cases")
    twice_below = sum(np.searchsorted(negative, positive, side).sum() for side in ("left", "right"))
    return float(twice_below / (2 * positive.size * negative.size))
