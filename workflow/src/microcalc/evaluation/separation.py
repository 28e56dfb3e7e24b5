"""An interval for an AUC of 0 or 1, where DeLong's variance is 0 and the bootstrap never varies."""

import numpy as np
import numpy.typing as npt

from microcalc.evaluation import arrays, delong, resampling


def exact_interval(
    y: npt.ArrayLike,
    score: npt.ArrayLike,
    patients: npt.ArrayLike | None = None,
    *,
    confidence: float = 0.95,
) -> tuple[float, float] | None:
    """Return a distribution-free exact interval when the classes separate perfectly, else None.

    Parameters
    ----------
    y, score
        As for `delong.auc_ci`, shape (n,).
    patients
        Patient of each case, shape (n,); None when each case is a patient of its own.
    confidence
        Coverage of the interval, a fraction.

    Returns
    -------
    tuple of float or None
        ((α/2)^(1/k), 1) for an AUC of 1 and its mirror image for 0, where k disjoint pairs of a
        positive and a negative case can be formed, no patient being in two pairs.

    Raises
    ------
    StudyError
        As `delong.auc_ci`.

    Notes
    -----
    Each of k disjoint pairs is ordered rightly with probability AUC, independently of the
    others, so separating all the cases, which needs every pair to be right, has a probability
    of at most AUC^k. The bound is reached by scores that put a positive case either above or
    below all negatives, so without assumptions on the scores no narrower interval is exact.
    It is Clopper and Pearson's for k of k.
    """
    arrays.check_confidence(confidence)
    auc = delong.auc_ci(y, score).auc
    if auc not in (0.0, 1.0):
        return None
    positive = arrays.outcome(y)
    codes = np.arange(positive.size) if patients is None else resampling.patient_codes(patients)
    with_pos, with_neg = np.unique(codes[positive]), np.unique(codes[~positive])
    either = np.union1d(with_pos, with_neg).size
    pairs = max(1, min(with_pos.size, with_neg.size, either // 2))
    reach = ((1 - confidence) / 2) ** (1 / pairs)
    return (reach, 1.0) if auc == 1.0 else (0.0, 1 - reach)
