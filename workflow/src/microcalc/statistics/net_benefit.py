"""Net benefit of acting at a threshold probability (Vickers and Elkin, Med Decis Making 2006)."""

import numpy as np
import numpy.typing as npt

from microcalc.core.errors import StudyError
from microcalc.statistics import arrays
from microcalc.statistics.arrays import Floats


def measure(y: npt.ArrayLike, probability: npt.ArrayLike, thresholds: npt.ArrayLike) -> Floats:
    """Return the net benefit of acting on `probability ≥ threshold`, at each threshold.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,). One class alone is allowed.
    probability
        Predicted probability of the positive class, shape (n,).
    thresholds
        Probabilities at which one would act, inside (0, 1), shape (t,).

    Returns
    -------
    numpy.ndarray
        True positives less false positives weighted with the odds of the threshold, per case,
        shape (t,).

    Raises
    ------
    StudyError
        When a probability is missing or outside [0, 1] or a threshold outside (0, 1).

    Notes
    -----
    Vickers and Elkin, Med Decis Making 2006; 26: 565.

    Examples
    --------
    >>> from microcalc.statistics import net_benefit
    >>> net_benefit.measure([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], [0.25, 0.5]).round(4)
    array([0.4167, 0.    ])
    """
    positive = arrays.outcome(y)
    p = arrays.probabilities(probability, n=positive.size)
    at = check_thresholds(thresholds)
    called = p[:, None] >= at
    tp = (called & positive[:, None]).sum(axis=0)
    fp = called.sum(axis=0) - tp
    return np.asarray(net_of_counts(tp, fp, positive.size, at))


def net_of_counts(tp: npt.ArrayLike, fp: npt.ArrayLike, n: npt.ArrayLike, at: Floats) -> Floats:
    """Return the net benefit of true and false positives of n cases at the threshold `at`.

    Parameters
    ----------
    tp, fp
        True and false positives, shape (t,).
    n
        Cases, a number or shape (t,).
    at
        Thresholds inside (0, 1), shape (t,).

    Returns
    -------
    numpy.ndarray
        Per case, shape (t,).

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.statistics import net_benefit
    >>> net_benefit.net_of_counts([2, 1], [1, 1], 4, np.array([0.25, 0.5])).round(4)
    array([0.4167, 0.    ])
    """
    true, false = np.asarray(tp, dtype=float), np.asarray(fp, dtype=float)
    return np.asarray(true / n - false / n * (at / (1 - at)))


def check_thresholds(thresholds: npt.ArrayLike) -> Floats:
    """Return distinct thresholds in order, shape (t,).

    Parameters
    ----------
    thresholds
        Probabilities, shape (m,), in any order.

    Returns
    -------
    numpy.ndarray
        Shape (t,), rising.

    Raises
    ------
    StudyError
        When there is none, or one is not inside (0, 1).

    Examples
    --------
    >>> from microcalc.statistics import net_benefit
    >>> net_benefit.check_thresholds([0.5, 0.1, 0.5])
    array([0.1, 0.5])
    """
    at = np.unique(np.asarray(thresholds, dtype=np.float64))
    if at.size == 0 or at[0] <= 0 or at[-1] >= 1:
        raise StudyError(
            f"net-benefit thresholds run from {at[0] if at.size else 'nothing'} to "
            f"{at[-1] if at.size else 'nothing'}; expected values inside (0, 1)"
        )
    return at
