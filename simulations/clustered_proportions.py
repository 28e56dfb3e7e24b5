"""Coverage of the interval of a proportion when patients have several lesions.

It is exact: a sum over everything a study can show, not over draws, at each probability from 0.50
to 0.99. Of `cases` lesions a `share` of the patients has `lesions` each, the others one; two
lesions of a patient have intraclass correlation `icc` (with that probability all of them have one
outcome, else each its own). `mean` and `least` are over the probabilities; `gap` is the lowest
difference from the exact coverage of Wilson's interval of as many patients with one lesion each,
at `gap_at`, and `wilson` the latter's mean. `ignoring` is the mean, and `ignoring_least` the least,
of Wilson's interval when it takes lesions for patients; `bootstrap` (up to 40 cases of pairs) the
mean of percentiles of a bootstrap by patient. `narrowest` is the width of the narrowest interval
that a study can show.

The rows name 1 replicate: nothing is drawn but the bootstrap's replicates.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaln, xlogy
from scipy.stats import binom

from microcalc.statistics import proportions

LESIONS = {"two": 2, "three": 3}
SHARES = (0.1, 0.3)
PROBABILITIES = np.arange(50, 100) / 100
PAIRS = (20, 30, 40, 50, 60, 70, 80, 90, 100)
TRIPLETS = (20, 40, 60)
CELLS = [
    {"lesions": lesions, "share": share, "cases": cases, "icc": icc}
    for lesions, sizes in (("two", PAIRS), ("three", TRIPLETS))
    for share in SHARES
    for cases in sizes
    for icc in (0.0, 0.5, 1.0)
]
REPLICATES = SAMPLE = 1
RESAMPLES = 500
MOST_BOOTSTRAPPED = 40
ALLOWANCE = 0.015
MEAN = (0.94, 0.97)


def simulate(cell: Mapping[str, Any], replicates: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return the coverage at each probability, of ours and of Wilson's without repeats."""
    cases, lesions = int(cell["cases"]), LESIONS[cell["lesions"]]
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
    covered = {name: [] for name in methods}
    for p in PROBABILITIES:
        of_spread = _several(spread, lesions, p, cell["icc"])
        weight = binom.pmf(of_single, single, p) * of_spread[of_several]
        for name, (low, high) in methods.items():
            covered[name].append(weight[(low <= p) & (p <= high)].sum())
    wilson = np.array([_wilson(cases, p) for p in PROBABILITIES])
    ours, ignoring = np.array(covered["coverage"]), np.array(covered["ignoring"])
    gaps = ours - wilson
    return {
        "mean": float(ours.mean()),
        "least": float(ours.min()),
        "gap": float(gaps.min()),
        "gap_at": float(PROBABILITIES[gaps.argmin()]),
        "wilson": float(wilson.mean()),
        "ignoring": float(ignoring.mean()),
        "ignoring_least": float(ignoring.min()),
        "bootstrap": float(np.mean(covered.get("bootstrap", np.nan))),
        "narrowest": float((bounds[1] - bounds[0]).min()),
    }


def faults(rows: pd.DataFrame) -> list[str]:
    """Return where an interval covers less than allowed, has no width, or is too wide."""
    found = []
    for _, row in rows.iterrows():
        what = (
            f"{row['cases']:.0f} cases, {100 * row['share']:.0f} % of patients with "
            f"{row['lesions']} lesions, ICC {row['icc']:g}"
        )
        if row["gap"] < -ALLOWANCE:
            found.append(
                f"{what}: {-100 * row['gap']:.1f} points under Wilson's at {row['gap_at']}"
            )
        if row["narrowest"] <= 0:
            found.append(f"{what}: an interval has no width")
    for share, mean in rows[rows["lesions"] == "two"].groupby("share")["mean"].mean().items():
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
