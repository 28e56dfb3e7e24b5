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

These take cases for independent. Where a patient has more than one of the compared cases, the p
value is that of a permutation test of patients instead (`permuted_continuous`,
`permuted_categorical`), on the difference of means, the rank sum or Pearson's statistic.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import gammaln

from microcalc.statistics.arrays import Bools, Floats

# Beyond so many tables Fisher's p value is simulated: enumeration would not end.
MOST_TABLES = 4_000_000
SIMULATED_TABLES = 100_000
PERMUTATIONS = 9_999
# Permutations × cases held at once.
CHUNK = 1_000_000


@dataclass(frozen=True)
class Difference:
    """A test's name and p value; p is NaN when a group has too few values."""

    test: str
    p_value: float


NONE = Difference("", math.nan)


def looks_normal(*groups: npt.ArrayLike) -> bool:
    """Return whether Shapiro–Wilk finds nothing against normality (p ≥ 0.05) in any group.

    Parameters
    ----------
    *groups
        The values of each group, none missing, shape (n,).

    Returns
    -------
    bool
        False too where a group has fewer than 3 values or more than 5000, or does not vary.

    References
    ----------
    Shapiro and Wilk, Biometrika 1965; 52: 591.

    Examples
    --------
    >>> from microcalc.statistics import baseline_tests
    >>> baseline_tests.looks_normal([4.1, 5.0, 5.2, 6.3], [1, 1, 1, 1, 1, 90])
    False
    """
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
        The values of the two groups, none missing, shapes (n1,) and (n2,).
    normal
        Whether means are compared, from `looks_normal`, else ranks.

    Returns
    -------
    Difference
        Name and two-sided p value; no test where a group has fewer than two values.

    References
    ----------
    Welch, Biometrika 1947; 34: 28. Mann and Whitney, Ann Math Stat 1947; 18: 50; by the normal
    approximation, corrected for ties and continuity.

    Examples
    --------
    >>> from microcalc.statistics import baseline_tests
    >>> found = baseline_tests.continuous([1, 2, 3, 4, 5], [3, 4, 5, 6, 7], normal=True)
    >>> found.test, round(found.p_value, 3)
    ('Welch', 0.081)
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
    """Return chi² or Fisher's exact test of a levels × 2 table of counts, by the rule above.

    Parameters
    ----------
    counts
        Cases by level and group, shape (levels, 2); levels without any case are left out.

    Returns
    -------
    Difference
        Name and p value; no test where one level is left or a group is empty.

    Examples
    --------
    >>> from microcalc.statistics import baseline_tests
    >>> found = baseline_tests.categorical([[30, 10], [20, 40]])
    >>> found.test, round(found.p_value, 6)
    ('chi²', 4.5e-05)
    """
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

    Parameters
    ----------
    counts
        Cases by level and group, shape (levels, 2), each level and each group with a case.

    Returns
    -------
    Difference
        Name and two-sided p value.

    References
    ----------
    Fisher, Statistical Methods for Research Workers, 1934; Freeman and Halton, Biometrika 1951; 38:
    141.

    Examples
    --------
    >>> from microcalc.statistics import baseline_tests
    >>> round(baseline_tests.fisher([[3, 1], [1, 3]]).p_value, 4)  # the lady tasting tea
    0.4857
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


def permuted_continuous(
    values: npt.ArrayLike,
    second: npt.ArrayLike,
    patients: npt.ArrayLike,
    *,
    normal: bool,
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> Difference:
    """Return the permutation test of a continuous variable when patients have several cases.

    Parameters
    ----------
    values
        One per case, none missing, shape (n,).
    second
        Whether each case is of the second group, shape (n,). A patient may have cases of both.
    patients
        Patient of each case, shape (n,).
    normal
        Whether means are compared, else ranks.
    rng
        From `microcalc.core.seeds.stream`.
    permutations
        Number of permutations drawn.

    Returns
    -------
    Difference
        See `permuted_categorical`. The statistic is how far the sum of values (of midranks) in
        the second group lies from its mean over all permutations.

    Examples
    --------
    >>> from microcalc.core import seeds
    >>> from microcalc.statistics import baseline_tests
    >>> age, second = [51, 51, 60, 60, 42, 42, 70, 70], [0, 0, 1, 1, 0, 0, 1, 1]
    >>> patients, rng = ["a", "a", "b", "b", "c", "c", "d", "d"], seeds.stream(1, "age")
    >>> found = baseline_tests.permuted_continuous(age, second, patients, normal=True, rng=rng)
    >>> round(found.p_value, 1)  # 2 of 6 ways to deal two patients differ as much
    0.3
    """
    x, group = np.asarray(values, dtype=float), np.asarray(second, dtype=bool)
    if group.all() or not group.any():
        return NONE
    scores = x if normal else stats.rankdata(x)
    sums = _permuted_sums(scores[:, None] - scores.mean(), group, patients, rng, permutations)
    name = "difference of means" if normal else "rank sum"
    return _permutation_p(np.abs(sums[:, 0] - sums[:, 0].mean()), name)


def permuted_categorical(
    codes: npt.ArrayLike,
    second: npt.ArrayLike,
    patients: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> Difference:
    """Return the permutation test of a categorical variable when patients have several cases.

    Parameters
    ----------
    codes
        Level of each case as a number from 0, none missing, shape (n,).
    second, patients, rng, permutations
        As for `permuted_continuous`.

    Returns
    -------
    Difference
        Patients with equally many cases exchange the groups of all their cases, so that what
        ties the cases of a patient stays as it is: if the variable has nothing to do with the
        group, every exchange was as likely as what was seen, whatever the correlation within
        patients. p = (1 + permutations that differ as much) / (1 + permutations), never 0. No
        test where a group is empty or no exchange changes the statistic.

    Notes
    -----
    Permutation of whole clusters: Good, Permutation, Parametric and Bootstrap Tests of
    Hypotheses, 2005, section 3; the p value Phipson and Smyth, Stat Appl Genet Mol Biol 2010; 9:
    39. The statistic is Pearson's chi².

    Examples
    --------
    >>> from microcalc.core import seeds
    >>> from microcalc.statistics import baseline_tests
    >>> dense, second = [0, 0, 1, 1, 0, 0, 1, 1], [0, 0, 1, 1, 0, 0, 1, 1]
    >>> patients, rng = ["a", "a", "b", "b", "c", "c", "d", "d"], seeds.stream(1, "density")
    >>> found = baseline_tests.permuted_categorical(dense, second, patients, rng=rng)
    >>> round(found.p_value, 1)
    0.3
    """
    group = np.asarray(second, dtype=bool)
    if group.all() or not group.any():
        return NONE
    levels, codes = np.unique(np.asarray(codes), return_inverse=True)
    marks = (codes[:, None] == np.arange(levels.size)).astype(float)
    totals = marks.sum(axis=0)
    gaps = _permuted_sums(marks, group, patients, rng, permutations) - totals * group.mean()
    # Pearson's statistic but for a factor that all permutations share.
    return _permutation_p((gaps**2 / totals).sum(axis=1), "chi²")


def _permuted_sums(
    scores: Floats,
    group: Bools,
    patients: npt.ArrayLike,
    rng: np.random.Generator,
    permutations: int,
) -> Floats:
    """Return the sums of `scores` in the second group, observed in row 0, then permuted.

    `scores` has shape (n, d), the sums (1 + permutations, d).
    """
    code = np.unique(np.asarray(patients, dtype=str), return_inverse=True)[1]
    by_patient = np.argsort(code, kind="stable")
    sizes = np.bincount(code)
    ends = np.cumsum(sizes)
    sums = np.zeros((1 + permutations, scores.shape[1]))
    for size in np.unique(sizes):
        places = by_patient[ends[sizes == size][:, None] - size + np.arange(size)]
        own, labels = scores[places], group[places]
        sums[0] += (own * labels[..., None]).sum(axis=(0, 1))
        step = max(1, CHUNK // places.size)
        for start in range(1, 1 + permutations, step):
            rows = slice(start, min(start + step, 1 + permutations))
            order = np.tile(np.arange(len(places)), (rows.stop - rows.start, 1))
            dealt = labels[rng.permuted(order, axis=1)]
            sums[rows] += np.einsum("bpm,pmd->bd", dealt, own)
    return sums


def _permutation_p(statistics: Floats, name: str) -> Difference:
    """Return p of the first statistic among all of them; large ones speak against the null."""
    if np.ptp(statistics) <= 1e-9 * (1 + statistics.max()):
        return NONE
    # Equal in exact arithmetic, an exchange may fall short by rounding.
    as_far = statistics >= statistics[0] - 1e-9 * (1 + statistics[0])
    test = f"{name}, {len(statistics) - 1:,} permutations of patients"
    return Difference(test, float(as_far.mean()))


def smd_continuous(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Return the standardized mean difference of a continuous variable between two groups.

    (Mean of second − mean of first) / root mean of the two variances.

    Parameters
    ----------
    first, second
        The values of the two groups, none missing, shapes (n1,) and (n2,).

    Returns
    -------
    float
        NaN when a group has fewer than two values; 0 when nothing varies and the means agree.

    References
    ----------
    Austin, Stat Med 2009; 28: 3083.

    Examples
    --------
    >>> from microcalc.statistics import baseline_tests
    >>> baseline_tests.smd_continuous([1, 2, 3], [2, 3, 4])
    1.0
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
    """Return the standardized difference of two multinomial shares, never negative.

    Parameters
    ----------
    counts
        Cases by level and group, shape (levels, 2).

    Returns
    -------
    float
        NaN where a group is empty.

    Notes
    -----
    Yang and Dalton, SAS Global Forum 2012, paper 335: the Mahalanobis distance of the shares
    of all levels but the first. With two levels it is |p₂ − p₁| / √((p₁q₁ + p₂q₂)/2).

    Examples
    --------
    >>> from microcalc.statistics import baseline_tests
    >>> round(baseline_tests.smd_categorical([[30, 10], [20, 40]]), 3)  # 0.4 / √0.2
    0.894
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
