"""Intervals of proportions."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from microcalc.errors import StudyError
from microcalc.evaluation import arrays
from microcalc.evaluation.arrays import Floats


@dataclass(frozen=True)
class Proportion:
    """`successes` of `n` with its interval; estimate and bounds are NaN when n is 0."""

    successes: int
    n: int
    estimate: float
    low: float
    high: float


def wilson(successes: int, n: int, *, confidence: float = 0.95) -> Proportion:
    """Return a proportion with Wilson's score interval, without continuity correction.

    Parameters
    ----------
    successes, n
        Counts, 0 ≤ successes ≤ n. With n = 0 there is no proportion: all NaN.
    confidence
        Coverage of the interval, a fraction.

    Raises
    ------
    StudyError
        When the counts are not 0 ≤ successes ≤ n.

    Notes
    -----
    Wilson, J Am Stat Assoc 1927; 22: 209. Chosen over Clopper–Pearson because its mean coverage
    is nearer the nominal one (Agresti and Coull, Am Stat 1998; 52: 119).

    Examples
    --------
    >>> round(wilson(8, 10).low, 3)
    0.49
    """
    arrays.check_confidence(confidence)
    if not 0 <= successes <= n:
        raise StudyError(f"{successes} of {n} is no proportion; expected 0 ≤ successes ≤ n")
    if n == 0:
        return Proportion(0, 0, math.nan, math.nan, math.nan)
    low, high = wilson_bounds(successes, n, confidence=confidence)
    return Proportion(int(successes), int(n), successes / n, float(low), float(high))


def wilson_bounds(
    successes: npt.ArrayLike, n: npt.ArrayLike, *, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Return the bounds of `wilson` of many proportions at once, each n above 0."""
    k, size = np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64)
    z = float(ndtri(0.5 + confidence / 2))
    share = k / size
    center = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    reach = z / (1 + z**2 / size) * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    # In exact arithmetic none reaches 0 and all reaches 1; rounding misses it.
    low = np.where(k == 0, 0.0, center - reach)
    high = np.where(k == size, 1.0, center + reach)
    return low, high
