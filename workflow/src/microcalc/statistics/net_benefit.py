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
    """
    positive = arrays.outcome(y)
    p = arrays.probabilities(probability, n=positive.size)
    at = check_thresholds(thresholds)
    called = p[:, None] >= at
    tp = (called & positive[:, None]).sum(axis=0)
    fp = called.sum(axis=0) - tp
    return np.asarray(net_of_counts(tp, fp, positive.size, at))


def net_of_counts(tp: npt.ArrayLike, fp: npt.ArrayLike, n: npt.ArrayLike, at: Floats) -> Floats:
    """Return the net benefit of true and false positives of n cases at the threshold `at`."""
    true, false = np.asarray(tp, dtype=float), np.asarray(fp, dtype=float)
    return np.asarray(true / n - false / n * (at / (1 - at)))


def check_thresholds(thresholds: npt.ArrayLike) -> Floats:
    """Return distinct thresholds in order, shape (t,).

    Raises
    ------
    StudyError
        When there is none, or one is not inside (0, 1).
    """
    at = np.unique(np.asarray(thresholds, dtype=np.float64))
    if at.size == 0 or at[0] <= 0 or at[-1] >= 1:
        raise StudyError(
            f"net-benefit thresholds run from {at[0] if at.size else 'nothing'} to "
            f"{at[-1] if at.size else 'nothing'}; expected values inside (0, 1)"
        )
    return at
