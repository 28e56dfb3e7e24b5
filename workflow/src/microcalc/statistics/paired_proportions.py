"""Paired proportions: McNemar's exact test, its form for clustered cases, Newcombe's interval."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr

from microcalc.core.errors import StudyError
from microcalc.statistics import arrays, resampling
from microcalc.statistics.proportions import wilson_bounds


@dataclass(frozen=True)
class PairedProportions:
    """Two proportions of the same cases: `difference` and its interval are A minus B.

    Attributes
    ----------
    n
        Cases.
    only_a, only_b
        Cases that A alone, and B alone, got right.
    a, b
        The proportions, 0 to 1.
    difference, low, high
        A minus B with the bounds of its interval.
    p_value
        Two-sided.
    method
        Of interval and test, for people.
    """

    n: int
    only_a: int
    only_b: int
    a: float
    b: float
    difference: float
    low: float
    high: float
    p_value: float
    method: str


def compare_paired(
    right_a: npt.ArrayLike,
    right_b: npt.ArrayLike,
    patients: npt.ArrayLike,
    *,
    confidence: float = 0.95,
) -> PairedProportions:
    """Return how often A and B are right on the same cases, and whether that differs.

    Parameters
    ----------
    right_a, right_b
        Whether each model is right, 0 or 1, shape (n,).
    patients
        Patient of each case, shape (n,).
    confidence
        Coverage of the interval of the difference, a fraction.

    Returns
    -------
    PairedProportions
        One case per patient: McNemar's exact test and Newcombe's interval (Stat Med 1998; 17:
        2635, method 10). Several: `sign_flip_p` of each patient's cases that A alone has right
        minus those that B alone has, and Newcombe's interval of as many independent cases as
        these are worth (`_effective_share`). No discordant case: p = 1.

    Raises
    ------
    StudyError
        When the vectors differ in length, are empty, or hold anything but 0 and 1.

    Examples
    --------
    >>> from microcalc.statistics import paired_proportions
    >>> right_a, right_b = [1] * 48 + [0] * 2, [1] * 36 + [0] * 12 + [1] * 2
    >>> found = paired_proportions.compare_paired(right_a, right_b, range(50))
    >>> found.difference, round(found.low, 4), round(found.high, 4), round(found.p_value, 4)
    (0.2, 0.0569, 0.3404, 0.0129)
    """
    arrays.check_confidence(confidence)
    first, second = arrays.outcome(right_a), arrays.outcome(right_b)
    codes = resampling.patient_codes(patients)
    if not first.size == second.size == codes.size:
        raise StudyError(
            f"{first.size} and {second.size} calls of {codes.size} cases; expected one per case"
        )
    only_a, only_b = int((first & ~second).sum()), int((~first & second).sum())
    both = int((first & second).sum())
    n, discordant = first.size, only_a + only_b
    gap = (only_a - only_b) / n
    if resampling.has_clusters(codes):
        gaps = first.astype(np.int64) - second.astype(np.int64)
        p = sign_flip_p(np.bincount(codes, weights=gaps))
        share = _effective_share(gaps, codes)
        method = "sign-flip by patient, exact"
    else:
        p = min(1.0, 2 * float(bdtr(min(only_a, only_b), discordant, 0.5))) if discordant else 1.0
        share = 1.0
        method = "McNemar, exact"
    cells = (both, only_a, only_b, n - both - discordant)
    low, high = newcombe(*(share * cell for cell in cells), confidence=confidence)
    a, b = (both + only_a) / n, (both + only_b) / n
    return PairedProportions(n, only_a, only_b, a, b, gap, low, high, p, method)


def sign_flip_p(sums: npt.ArrayLike) -> float:
    """Return the exact two-sided p value of the sum of these sums, by flipping their signs.

    If A and B are right equally often, a patient's sum is as likely to have the other sign, so
    that all 2^K ways to sign the K sums that are not 0 are equally likely; p is the share of
    them that are as far from 0 as what was found. Where every sum is -1, 0 or 1 it is McNemar's
    exact test. The statistic's normal approximation is the test of Yang, Sun and Hardin (Biom J
    2010; 52: 638); Durkalski's (Stat Med 2003; 22: 2417) divides a patient's sum by the number
    of its cases, and so tests another difference than the one that is reported.

    Parameters
    ----------
    sums
        Whole numbers, one for each patient: cases that A alone has right minus those that B
        alone has, shape (K,).

    Returns
    -------
    float
        1 where all sums are 0.

    Examples
    --------
    >>> from microcalc.statistics import paired_proportions
    >>> paired_proportions.sign_flip_p([2, -1, 1, 0])  # 2 - 1 + 1 = 2: exceeded or met by 6 of 8
    0.75
    """
    found = np.asarray(sums).astype(np.int64)
    steps = np.abs(found[found != 0])
    # Entry i is the probability that the signed sums come to i minus the sum of all steps.
    chances = np.ones(1)
    for step in steps.tolist():
        wider = np.zeros(chances.size + 2 * step)
        wider[: chances.size] += chances / 2
        wider[2 * step :] += chances / 2
        chances = wider
    far = np.abs(np.arange(chances.size) - steps.sum()) >= abs(found.sum())
    return min(1.0, float(chances[far].sum()))


def _effective_share(gaps: npt.NDArray[np.int64], codes: npt.NDArray[np.int64]) -> float:
    """Return as what share of a case each case counts, patients having several: 1 / design effect.

    The design effect (Rao and Scott, Biometrics 1992; 48: 577) is the variance of the mean gap
    between patients over that of independent cases; not below 1, and not above what it would be
    if a patient's cases were all alike, which stands in where there is nothing to estimate it
    from.

    Parameters
    ----------
    gaps
        Per case 1 where A alone is right, -1 where B alone is, else 0, shape (n,).
    codes
        Patient number of each case, shape (n,).
    """
    sizes = np.bincount(codes).astype(float)
    most = float((sizes**2).sum() / sizes.sum())
    rest = gaps - gaps.mean()
    independent = float((rest**2).sum())
    if sizes.size < 2 or independent == 0:
        return 1 / most
    sums = np.bincount(codes, weights=rest)
    between = sizes.size / (sizes.size - 1) * float((sums**2).sum())
    return 1 / min(max(between / independent, 1.0), most)


def newcombe(
    both: float, only_a: float, only_b: float, neither: float, *, confidence: float
) -> tuple[float, float]:
    """Return Newcombe's interval of a difference of paired proportions (method 10).

    Wilson's intervals of the two proportions, joined with their correlation, which is
    corrected for continuity when it is positive. Numbers of cases need not be whole.

    Parameters
    ----------
    both, only_a, only_b, neither
        Numbers of cases; both proportions are of all of them.
    confidence
        Coverage of the interval, a fraction.

    Returns
    -------
    low, high : float
        Of A's proportion minus B's.

    References
    ----------
    Newcombe, Stat Med 1998; 17: 2635.

    Examples
    --------
    >>> from microcalc.statistics import paired_proportions
    >>> low, high = paired_proportions.newcombe(36, 12, 2, 0, confidence=0.95)
    >>> round(low, 4), round(high, 4)  # Newcombe's table II: 0.0569 to 0.3404
    (0.0569, 0.3404)
    """
    n = both + only_a + only_b + neither
    right = np.array([both + only_a, both + only_b])
    (a, b), (lows, highs) = (right / n).tolist(), wilson_bounds(right, n, confidence=confidence)
    product = float(both * neither - only_a * only_b)
    if product > 0:
        product = max(product - n / 2, 0)
    margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    phi = product / math.sqrt(margins) if margins else 0.0
    gap = a - b

    def reach(first: float, second: float) -> float:
        return math.sqrt(max(0.0, first**2 - 2 * phi * first * second + second**2))

    low = gap - reach(a - lows[0], highs[1] - b)
    high = gap + reach(highs[0] - a, b - lows[1])
    return low, high
