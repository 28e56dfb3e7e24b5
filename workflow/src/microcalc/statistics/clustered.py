"""AUCs when patients have more than one case: Obuchowski, Biometrics 1997; 53: 567.

The placements are DeLong's; their sums per patient take the place of the single values, and
patients with cases of both classes add a covariance. With one case per patient the variance is
DeLong's to the last term.
"""

import math

import numpy as np
import numpy.typing as npt

from microcalc.statistics import arrays, delong, resampling
from microcalc.statistics.arrays import Bools, Floats
from microcalc.statistics.delong import Auc, PairedComparison, Transform


def auc_ci(
    y: npt.ArrayLike,
    score: npt.ArrayLike,
    patients: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    transform: Transform = "none",
) -> Auc:
    """Return the AUC over all cases with a variance that knows which share a patient.

    Parameters
    ----------
    y, score
        As for `delong.auc_ci`, shape (n,).
    patients
        Patient of each case, shape (n,).
    confidence, transform
        As for `delong.auc_ci`.

    Returns
    -------
    Auc
        The variance is NaN when fewer than two patients have a positive (or a negative) case,
        and when it is not above 0 though the cases differ: in tiny samples the covariances within
        patients, which are estimated, may cancel the rest.

    Raises
    ------
    StudyError
        As `delong.auc_ci`.

    References
    ----------
    Obuchowski, Biometrics 1997; 53: 567.

    Examples
    --------
    >>> from microcalc.statistics import clustered, delong
    >>> y, score = [0, 0, 0, 0, 1, 1, 1, 1], [1, 2, 3, 6, 4, 5, 7, 8]
    >>> patients = ["a", "a", "b", "b", "c", "c", "d", "d"]
    >>> found = clustered.auc_ci(y, score, patients)
    >>> found.auc, round(found.variance, 4), round(delong.auc_ci(y, score).variance, 4)
    (0.875, 0.0312, 0.0208)
    """
    arrays.check_confidence(confidence)
    positive = arrays.outcome(y)
    v_pos, v_neg = delong.placements(positive, score)
    plain = delong.auc_ci(positive, score)
    auc = plain.auc
    variance = _variance(v_pos, v_neg, auc, positive, resampling.patient_codes(patients))
    # What smooth scores would have, were patients as much alike as these are.
    least = delong.least_variance(auc, v_pos.size, v_neg.size)
    design_effect = variance / plain.variance if plain.variance > 0 else 1.0
    low, high = delong.interval(
        auc, variance, least * design_effect, confidence=confidence, transform=transform
    )
    return Auc(auc, variance, float(low), float(high), v_pos.size, v_neg.size)


def compare_paired(
    y: npt.ArrayLike,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    patients: npt.ArrayLike,
    *,
    confidence: float = 0.95,
) -> PairedComparison:
    """Return the test of two scores of the same cases, cases of one patient kept together.

    Parameters
    ----------
    y, a, b
        As for `delong.compare_paired`, shape (n,) each.
    patients
        Patient of each case, shape (n,).
    confidence
        Coverage of the interval of the difference.

    Returns
    -------
    PairedComparison
        As of `delong.compare_paired`; the variance is NaN as in `auc_ci`.

    Raises
    ------
    StudyError
        As `delong.compare_paired`.

    References
    ----------
    Obuchowski, Biometrics 1997; 53: 567.

    Examples
    --------
    >>> from microcalc.statistics import clustered
    >>> y, a, b = [0, 0, 0, 0, 1, 1, 1, 1], [1, 2, 3, 6, 4, 5, 7, 8], [3, 1, 2, 4, 1, 5, 3, 6]
    >>> patients = ["a", "a", "b", "b", "c", "c", "d", "d"]
    >>> found = clustered.compare_paired(y, a, b, patients)
    >>> round(found.delta, 3), round(found.p_value, 3)
    (0.188, 0.003)
    """
    plain = delong.compare_paired(y, a, b, confidence=confidence)
    positive = arrays.outcome(y)
    pos_a, neg_a = delong.placements(positive, a)
    pos_b, neg_b = delong.placements(positive, b)
    # The variance of a difference of AUCs is that of the AUC of differences: all is linear.
    codes = resampling.patient_codes(patients)
    variance = _variance(pos_a - pos_b, neg_a - neg_b, plain.delta, positive, codes)
    sizes = plain.n_pos, plain.n_neg
    return delong.paired(plain.auc_a, plain.auc_b, variance, *sizes, confidence=confidence)


def _variance(
    v_pos: Floats, v_neg: Floats, mean: float, positive: Bools, codes: npt.NDArray[np.int64]
) -> float:
    n_patients = int(codes.max()) + 1
    with_pos = np.unique(codes[positive]).size
    with_neg = np.unique(codes[~positive]).size
    if min(with_pos, with_neg) < 2:
        return math.nan
    # In whole numbers of half pairs: where no case differs from another it is 0 without rounding.
    unit = 2.0 * v_pos.size * v_neg.size
    pos, neg = (np.rint(unit * v) - np.rint(unit * mean) for v in (v_pos, v_neg))
    if not (pos.any() or neg.any()):
        return 0.0
    of_pos = np.bincount(codes[positive], weights=pos, minlength=n_patients) / unit
    of_neg = np.bincount(codes[~positive], weights=neg, minlength=n_patients) / unit
    s_pos = with_pos / (with_pos - 1) * (of_pos**2).sum() / pos.size**2
    s_neg = with_neg / (with_neg - 1) * (of_neg**2).sum() / neg.size**2
    both = n_patients / (n_patients - 1) * (of_pos * of_neg).sum() / (pos.size * neg.size)
    variance = float(s_pos + s_neg + 2 * both)
    return variance if variance > 1e-12 * (s_pos + s_neg) else math.nan
