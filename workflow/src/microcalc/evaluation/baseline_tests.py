"""Tests of a baseline variable between two groups, chosen by a written rule, and their SMD.

The rule
--------
Continuous: Welch's t test and mean (SD) when the variable looks normal, otherwise the
Mann–Whitney test (normal approximation with tie and continuity correction, as R's default for
tied data) and median [quartiles]. It looks normal when Shapiro–Wilk gives p ≥ 0.05 in each
class of all included cases; the choice is made once per variable, so that a table does not
change its summary from column to column. A class of fewer than 3 or more than 5,000 values,
where Shapiro–Wilk is not defined or not trusted, or without spread, counts as not normal.

Categorical: Pearson's chi² without continuity correction when no expected count is under 1 and
at most a fifth of them is under 5 (Cochran, Biometrics 1954; 10: 417), otherwise Fisher's exact
test; levels that no case has are left out of it.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import gammaln

from microcalc.evaluation.arrays import Floats

# Beyond so many tables Fisher's p value is simulated: enumeration would not end.
MOST_TABLES = 4_000_000
SIMULATED_TABLES = 100_000


@dataclass(frozen=True)
class Difference:
    """A test's name and p value; p is NaN when a group has too few values."""

    test: str
    p_value: float


NONE = Difference("", math.nan)


def looks_normal(*groups: npt.ArrayLike) -> bool:
    """Return whether Shapiro–Wilk finds nothing against normality (p ≥ 0.05) in any group."""
    for group in groups:
        values = np.asarray(group, dtype=float)
        if not 3 <= values.size <= 5000 or np.ptp(values) == 0:
            return False
        if stats.shapiro(values).pvalue < 0.05:
            return False
    return True


def continuous(first: npt.ArrayLike, second: npt.ArrayLike, *, normal: bool) -> Difference:
    """Return Welch's test when `normal`, else the Mann–Whitney test.

    Parameters
    ----------
    first, second
        The values of the two groups, none missing.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if min(a.size, b.size) < 2:
        return NONE
    if not normal:
        p = stats.mannwhitneyu(a, b, method="asymptotic").pvalue
        # All values equal leave nothing to rank: no difference, as in compare_paired.
        return Difference("Mann–Whitney", 1.0 if math.isnan(p) else float(p))
    if np.ptp(a) == 0 and np.ptp(b) == 0:
        return Difference("Welch", 1.0 if a[0] == b[0] else 0.0)
    return Difference("Welch", float(stats.ttest_ind(a, b, equal_var=False).pvalue))


def categorical(counts: npt.ArrayLike) -> Difference:
    """Return chi² or Fisher's exact test of a levels × 2 table of counts, by the rule above."""
    table = np.asarray(counts, dtype=np.int64)
    table = table[table.sum(axis=1) > 0]
    if table.shape[0] < 2 or not (table.sum(axis=0) > 0).all():
        return NONE
    expected = stats.contingency.expected_freq(table)
    if expected.min() >= 1 and np.mean(expected < 5) <= 0.2:
        found = stats.chi2_contingency(table, correction=False)
        return Difference("chi²", float(found.pvalue))
    return fisher(table)


def fisher(counts: npt.ArrayLike) -> Difference:
    """Return Fisher's exact test of a levels × 2 table (Freeman and Halton for more levels).

    The p value sums the probabilities of every table with these margins that is no likelier
    than the observed one (up to a relative 1e-7 for rounding, as R has it). scipy only
    simulates tables of more than two levels, so they are enumerated here; where there are
    more than `MOST_TABLES` of them scipy's simulation is used and named.
    """
    table = np.asarray(counts, dtype=np.int64)
    if table.shape[0] == 2:
        return Difference("Fisher", float(stats.fisher_exact(table).pvalue))
    rows = np.sort(table.sum(axis=1))[::-1]
    if math.prod(int(n) + 1 for n in rows[1:]) > MOST_TABLES:
        method = stats.MonteCarloMethod(n_resamples=SIMULATED_TABLES, rng=np.random.default_rng(0))
        p = stats.fisher_exact(table, method=method).pvalue
        return Difference("Fisher, simulated", float(p))
    log_p = _log_probabilities(rows, int(table[:, 0].sum()))
    observed = _log_choose(table.sum(axis=1), table[:, 0]).sum() - _log_choose(
        table.sum(), table[:, 0].sum()
    )
    p = float(np.exp(log_p[log_p <= observed + 1e-7]).sum())
    return Difference("Fisher", min(1.0, p))


def smd_continuous(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Return (mean of second − mean of first) / root mean of the two variances.

    NaN when a group has fewer than two values; 0 when nothing varies and the means agree.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if min(a.size, b.size) < 2:
        return math.nan
    spread = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    gap = float(b.mean() - a.mean())
    if spread == 0:
        return math.copysign(math.inf, gap) if gap else 0.0
    return gap / spread


def smd_categorical(counts: npt.ArrayLike) -> float:
    """Return the standardised difference of two multinomial shares, never negative.

    Parameters
    ----------
    counts
        Levels × 2.

    Notes
    -----
    Yang and Dalton, SAS Global Forum 2012, paper 335: the Mahalanobis distance of the shares
    of all levels but the first. With two levels it is |p₂ − p₁| / √((p₁q₁ + p₂q₂)/2).
    """
    table = np.asarray(counts, dtype=float)
    table = table[table.sum(axis=1) > 0]
    totals = table.sum(axis=0)
    if not (totals > 0).all():
        return math.nan
    if table.shape[0] < 2:
        return 0.0
    shares = (table / totals)[1:].T
    gap = shares[1] - shares[0]
    covariance = sum(np.diag(p) - np.outer(p, p) for p in shares) / 2
    # The pseudo-inverse copes with a level that makes up a whole group.
    return float(math.sqrt(max(0.0, gap @ np.linalg.pinv(covariance) @ gap)))


def _log_choose(n: npt.ArrayLike, k: npt.ArrayLike) -> Floats:
    n, k = np.asarray(n, dtype=float), np.asarray(k, dtype=float)
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def _log_probabilities(rows: npt.NDArray[np.int64], first_column: int) -> Floats:
    """Return the log probability of every levels × 2 table with these margins.

    The first row takes what the others leave, so only the others are enumerated.
    """
    used = np.zeros(1, dtype=np.int64)
    log_p = np.zeros(1)
    for n in rows[1:]:
        cells = np.arange(n + 1)
        used = (used[:, None] + cells).ravel()
        log_p = (log_p[:, None] + _log_choose(n, cells)).ravel()
        possible = used <= first_column
        used, log_p = used[possible], log_p[possible]
    rest = first_column - used
    possible = rest <= rows[0]
    log_p = log_p[possible] + _log_choose(rows[0], rest[possible])
    return np.asarray(log_p - _log_choose(rows.sum(), first_column))
