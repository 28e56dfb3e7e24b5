"""Coverage of the interval of a proportion when patients have several lesions.

Coverage is exact: a sum over everything a study can show, not over draws. Of `cases` lesions a
`share` of the patients has `lesions` each, the others one; two lesions of a patient agree with
intraclass correlation `icc` (with that probability all his lesions have one outcome, else each its
own). `wilson` is the exact coverage of Wilson's interval of as many patients with one lesion each;
`ignoring` that of Wilson's interval when it takes lesions for patients, `bootstrap` (where it was
worked out, `cases` up to 40) that of percentiles of a bootstrap by patient.

The rows name 1 replicate: nothing is drawn but the bootstrap's replicates.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaln, xlogy
from scipy.stats import binom

from microcalc.evaluation import proportions

SHARES = (0.1, 0.3)
PROBABILITIES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99)
PAIRS = (20, 30, 40, 50, 60, 80, 100)
TRIPLETS = (20, 40, 60)
CELLS = [
    {"lesions": lesions, "share": share, "cases": cases, "icc": icc}
    for lesions, sizes in ((2, PAIRS), (3, TRIPLETS))
    for share in SHARES
    for cases in sizes
    for icc in (0.0, 0.5, 1.0)
]
REPLICATES = SAMPLE = 1
RESAMPLES = 500
MOST_BOOTSTRAPPED = 40
# Points under Wilson's coverage; with three lesions each the spread is estimated from few.
ALLOWANCE = {2: 0.015, 3: 0.03}
MEAN = (0.94, 0.97)


def simulate(cell: Mapping[str, Any], replicates: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return the coverage at each probability, of ours and of Wilson's without repeats."""
    cases, lesions = int(cell["cases"]), int(cell["lesions"])
    repeated = max(1, round(cell["share"] * cases / (1 + cell["share"] * (lesions - 1))))
    single = cases - lesions * repeated
    # How many of the patients with one lesion succeed, and how many with several succeed how often.
    spread = _compositions(repeated, lesions + 1)
    of_single, of_several = np.divmod(np.arange((single + 1) * len(spread)), len(spread))
    state = np.column_stack([single - of_single, of_single, spread[of_several]])
    bounds = _clustered(state, lesions)
    methods = {"coverage": bounds, "ignoring": _plain(state, lesions)}
    if lesions == 2 and cases <= MOST_BOOTSTRAPPED:
        methods["bootstrap"] = _bootstrapped(state, lesions, rng)
    found: dict[str, Any] = {"narrowest": float((bounds[1] - bounds[0]).min())}
    for p in PROBABILITIES:
        weight = (
            binom.pmf(of_single, single, p) * _several(spread, lesions, p, cell["icc"])[of_several]
        )
        for name, (low, high) in methods.items():
            found[f"{name}_{p}"] = float(weight[(low <= p) & (p <= high)].sum())
        found[f"wilson_{p}"] = _wilson(cases, p)
    return found


def faults(rows: pd.DataFrame) -> list[str]:
    """Return where an interval covers less than allowed, has no width, or is too wide."""
    found = []
    for _, row in rows.iterrows():
        what = (
            f"{row['cases']:.0f} cases, {100 * row['share']:.0f} % of patients with "
            f"{row['lesions']:.0f} lesions, ICC {row['icc']:g}"
        )
        for p in PROBABILITIES:
            gap = row[f"coverage_{p}"] - row[f"wilson_{p}"]
            if gap < -ALLOWANCE[int(row["lesions"])]:
                found.append(f"{what}: at {p} coverage is {-100 * gap:.1f} points under Wilson's")
        if row["narrowest"] <= 0:
            found.append(f"{what}: an interval has no width")
    pairs = rows[rows["lesions"] == 2]
    for share, of_share in pairs.groupby("share"):
        mean = float(of_share[[f"coverage_{p}" for p in PROBABILITIES]].to_numpy().mean())
        if not MEAN[0] <= mean <= MEAN[1]:
            found.append(f"{100 * share:.0f} % of patients with two lesions: mean coverage {mean}")
    return found


def _compositions(total: int, parts: int) -> Any:
    """Return every way to write `total` as so many counts, shape (m, parts)."""
    bars = np.array(list(combinations(range(total + parts - 1), parts - 1)))
    edges = np.column_stack([np.full(len(bars), -1), bars, np.full(len(bars), total + parts - 1)])
    return np.diff(edges, axis=1) - 1


def _several(spread: Any, lesions: int, p: float, icc: float) -> Any:
    """Return the probability of each spread of patients over 0 to `lesions` successes."""
    each = (1 - icc) * binom.pmf(np.arange(lesions + 1), lesions, p)
    each[[0, -1]] += icc * np.array([1 - p, p])
    ways = gammaln(spread[0].sum() + 1) - gammaln(spread + 1).sum(axis=1)
    return np.exp(ways + xlogy(spread, each).sum(axis=1))


def _wilson(cases: int, p: float) -> float:
    k = np.arange(cases + 1)
    low, high = proportions.wilson_bounds(k, cases)
    return float(binom.pmf(k, cases, p)[(low <= p) & (p <= high)].sum())


def _kinds(lesions: int) -> tuple[Any, Any]:
    """Return successes and lesions of each kind of patient, in the order of a state's columns."""
    return np.array([0, 1, *range(lesions + 1)]), np.array([1, 1] + [lesions] * (lesions + 1))


def _clustered(state: Any, lesions: int) -> tuple[Any, Any]:
    successes, sizes = _kinds(lesions)
    patients = np.arange(state[0].sum())
    kind = (patients[None, :, None] >= state.cumsum(axis=1)[:, None]).sum(axis=2)
    return proportions.clustered_bounds(successes[kind], sizes[kind])


def _plain(state: Any, lesions: int) -> tuple[Any, Any]:
    successes, sizes = _kinds(lesions)
    return proportions.wilson_bounds(state @ successes, state @ sizes)


def _bootstrapped(state: Any, lesions: int, rng: np.random.Generator) -> tuple[Any, Any]:
    successes, sizes = _kinds(lesions)
    tail = (0.025, 0.975)
    found = []
    for counts in state:
        drawn = rng.multinomial(counts.sum(), counts / counts.sum(), size=RESAMPLES)
        shares = (drawn @ successes) / (drawn @ sizes)
        found.append(np.quantile(shares, tail, method="inverted_cdf"))
    low, high = np.array(found).T
    return low, high
