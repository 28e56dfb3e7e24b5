"""AUCs when patients have more than one case: Obuchowski, Biometrics 1997; 53: 567.

The placements are DeLong's; their sums per patient take the place of the single values, and
patients with cases of both classes add a covariance. With one case per patient the variance is
DeLong's to the last term.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from microcalc.evaluation import arrays, delong, resampling
from microcalc.evaluation.arrays import Bools, Floats
from microcalc.evaluation.delong import Auc, PairedComparison, Transform


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
        The variance is NaN when fewer than two patients have a positive (or a negative) case.

    Raises
    ------
    StudyError
        As `delong.auc_ci`.
    """
    arrays.check_confidence(confidence)
    positive = arrays.outcome(y)
    v_pos, v_neg = delong.placements(positive, score)
    auc = delong.auc_ci(positive, score).auc
    variance = _variance(v_pos - auc, v_neg - auc, positive, resampling.patient_codes(patients))
    low, high = delong.interval(auc, variance, confidence=confidence, transform=transform)
    return Auc(auc, variance, low, high, v_pos.size, v_neg.size)


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

    Raises
    ------
    StudyError
        As `delong.compare_paired`.
    """
    plain = delong.compare_paired(y, a, b, confidence=confidence)
    positive = arrays.outcome(y)
    pos_a, neg_a = delong.placements(positive, a)
    pos_b, neg_b = delong.placements(positive, b)
    # The variance of a difference of AUCs is that of the AUC of differences: all is linear.
    variance = _variance(
        pos_a - pos_b - plain.delta,
        neg_a - neg_b - plain.delta,
        positive,
        resampling.patient_codes(patients),
    )
    z = delong.ratio(plain.delta, math.sqrt(variance))
    reach = float(ndtri(0.5 + confidence / 2)) * math.sqrt(variance)
    return PairedComparison(
        plain.auc_a,
        plain.auc_b,
        plain.delta,
        variance,
        plain.delta - reach,
        plain.delta + reach,
        z,
        float(2 * ndtr(-abs(z))),
        plain.n_pos,
        plain.n_neg,
    )


def _variance(pos: Floats, neg: Floats, positive: Bools, codes: npt.NDArray[np.int64]) -> float:
    n_patients = int(codes.max()) + 1
    of_pos = np.bincount(codes[positive], weights=pos, minlength=n_patients)
    of_neg = np.bincount(codes[~positive], weights=neg, minlength=n_patients)
    with_pos = np.unique(codes[positive]).size
    with_neg = np.unique(codes[~positive]).size
    if min(with_pos, with_neg) < 2:
        return math.nan
    s_pos = with_pos / (with_pos - 1) * (of_pos**2).sum() / pos.size**2
    s_neg = with_neg / (with_neg - 1) * (of_neg**2).sum() / neg.size**2
    both = n_patients / (n_patients - 1) * (of_pos * of_neg).sum() / (pos.size * neg.size)
    # The estimate of the covariance may outweigh the rest in tiny samples.
    return float(max(0.0, s_pos + s_neg + 2 * both))
