"""Intervals of proportions."""

import math
from dataclasses import dataclass

from scipy.special import ndtri

from microcalc.errors import StudyError
from microcalc.evaluation import arrays


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
    z = float(ndtri(0.5 + confidence / 2))
    estimate = successes / n
    center = (estimate + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(estimate * (1 - estimate) / n + z**2 / (4 * n**2))
    # In exact arithmetic none of none reaches 0 and all of all reaches 1; rounding misses it.
    low = 0.0 if successes == 0 else center - reach
    high = 1.0 if successes == n else center + reach
    return Proportion(int(successes), int(n), estimate, low, high)
