"""How often intervals of a single AUC hold it, from 40 to 200 cases, and how wide they are.

`plain`, `logit` and `wilson` are the values of `evaluation.auc_interval`, as the product makes
them; where a sample shows no variance all methods take `separation`'s exact interval, save
`plain_as_is`, which is pROC's. The rest are what else was tried:

- `logit_t`: logit with a t quantile, on Welch and Satterthwaite's degrees of freedom;
- `logit_hanley`: logit with Hanley and McNeil's variance (Radiology 1982; 143: 29);
- `newcombe`: the score interval of Newcombe's method 5 (Stat Med 2006; 25: 559);
- `wilson_delong`: Wilson's interval with DeLong's variance, however small it is;
- `likelihood`: empirical likelihood of the positive cases' placements (Qin and Zhou, Biometrics
  2006; 62: 613);
- `logit_larger`: logit with the larger of DeLong's variance and `delong.least_variance`.

Scores are normal in both classes with equal variances (`binormal`) or with twice the standard
deviation among positives (`unequal`); a radiologist's five levels (`five levels`); positives of
which some lie above all negatives and the rest are like them (`two kinds`); or binormal with two
lesions of each patient, that correlate by 0.5 (`two lesions`: the product's three methods alone).
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtr, ndtri, stdtrit
from scipy.stats import rankdata

from microcalc.statistics import auc_interval, delong
from microcalc.statistics.constant_ranks import Alike

SCORES = ("binormal", "unequal", "five levels", "two kinds")
SIZES, PREVALENCES = (40, 60, 100, 200), (0.10, 0.37, 0.64)
AUCS = (0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99)
CELLS = [
    {"scores": scores, "n": n, "prevalence": prevalence, "auc": auc}
    for scores, n, prevalence, auc in product(SCORES, SIZES, PREVALENCES, AUCS)
] + [
    {"scores": "two lesions", "n": n, "prevalence": prevalence, "auc": auc}
    for n, prevalence, auc in product((60, 200), (0.10, 0.37), (0.7, 0.9, 0.97))
]
REPLICATES, SAMPLE = 5000, 400

CONFIGURED = {"plain": "none", "logit": "logit", "wilson": "wilson"}
OTHERS = (
    "plain_as_is", "logit_t", "logit_hanley", "newcombe", "wilson_delong", "likelihood",
    "logit_larger",
)  # fmt: skip
FEWEST, OF_SMOOTH, ON_AVERAGE = 0.90, 0.93, 0.95
Z = float(ndtri(0.975))
CUTS = 1.5 * ndtri(np.array([0.2, 0.4, 0.6, 0.8]))
Bounds = tuple[Any, Any]


def simulate(cell: dict[str, Any], replicates: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return each method's coverage and mean width, and what is wrong with any interval."""
    n_pos = round(cell["n"] * cell["prevalence"])
    sizes = (replicates, n_pos), (replicates, cell["n"] - n_pos)
    if cell["scores"] == "two lesions":
        auc, made = _clustered(cell["auc"], *sizes, rng)
        differs = 0.0
    else:
        positives, negatives = _drawn(cell["scores"], cell["auc"], *sizes, rng)
        auc, made = _intervals(positives, negatives)
        differs = _difference(positives[:3], negatives[:3], made)
    found: dict[str, Any] = {}
    for name in (*CONFIGURED, *OTHERS):
        low, high = made.get(name, (np.nan, np.nan))
        held = (low <= cell["auc"]) & (cell["auc"] <= high)
        found[name] = float(held.mean()) if name in made else np.nan
        found[f"{name}_width"] = float(np.mean(high - low)) if name in made else np.nan
    wrong = [
        (low < 0) | (high > 1) | ~(low < high) | (auc < low - 1e-12) | (auc > high + 1e-12)
        for low, high in (made[name] for name in CONFIGURED)
    ]
    return {**found, "senseless": int(np.sum(wrong)), "differs_from_product": differs}


def faults(rows: pd.DataFrame) -> list[str]:
    """Return in which cells the default does not hold the AUC often enough, and why it is not."""
    found = []
    for row in rows.to_dict("records"):
        where = f"{row['scores']}, n {row['n']}, prevalence {row['prevalence']}, AUC {row['auc']}"
        least = OF_SMOOTH if row["scores"] in ("binormal", "five levels") else FEWEST
        # 348 cells are looked at together.
        if row["wilson"] < least - 3.5 * np.sqrt(least * (1 - least) / row["replicates"]):
            found.append(f"{where}: wilson holds the AUC in {100 * row['wilson']:.1f} %")
        if row["senseless"]:
            found.append(f"{where}: {row['senseless']} intervals are a point or lie elsewhere")
        if row["differs_from_product"] > 1e-10:
            found.append(f"{where}: not what single_auc.estimate returns")
    if rows["wilson"].mean() < ON_AVERAGE:
        found.append(f"wilson holds the AUC in {100 * rows['wilson'].mean():.1f} % on average")
    single = rows[rows["scores"] != "two lesions"]
    slack = 3.5 * np.sqrt(FEWEST * (1 - FEWEST) / single["replicates"].min())
    for name in ("plain", "logit", *OTHERS):
        safe = single[name].min() >= FEWEST + slack
        if safe and single[f"{name}_width"].mean() < single["wilson_width"].mean():
            found.append(f"{name} is narrower than wilson and holds the AUC as surely")
    return found


def _drawn(
    scores: str, auc: float, pos: tuple[int, int], neg: tuple[int, int], rng: np.random.Generator
) -> Bounds:
    if scores == "unequal":
        return 2 * rng.normal(size=pos) + np.sqrt(5) * ndtri(auc), rng.normal(size=neg)
    if scores == "two kinds":
        above = 10 * (rng.random(pos) < 2 * auc - 1)
        return rng.normal(size=pos) + above, rng.normal(size=neg)
    if scores == "five levels":
        apart = brentq(lambda shift: _auc_of_levels(shift) - auc, 0, 12)
        return tuple(
            np.digitize(rng.normal(size=size) + shift, CUTS)
            for size, shift in ((pos, apart / 2), (neg, -apart / 2))
        )
    return rng.normal(size=pos) + np.sqrt(2) * ndtri(auc), rng.normal(size=neg)


def _auc_of_levels(shift: float) -> float:
    edges = np.concatenate([[-np.inf], CUTS, [np.inf]])
    of_pos, of_neg = (np.diff(ndtr(edges - by)) for by in (shift / 2, -shift / 2))
    return float(of_pos @ (np.cumsum(of_neg) - of_neg / 2))


def _intervals(positives: Any, negatives: Any) -> tuple[Any, dict[str, Bounds]]:
    """Return the AUC of each replicate and its interval by each method."""
    m, n = positives.shape[1], negatives.shape[1]
    ranks = rankdata(np.hstack([positives, negatives]), axis=1)
    v_pos = (ranks[:, :m] - rankdata(positives, axis=1)) / n
    v_neg = 1 - (ranks[:, m:] - rankdata(negatives, axis=1)) / m
    auc = v_pos.mean(axis=1)
    parts = v_pos.var(axis=1, ddof=1) / m, v_neg.var(axis=1, ddof=1) / n
    # Differences of ranks are exact; what rounding leaves of no variance is not.
    variance = np.where(parts[0] + parts[1] < 1e-20, 0.0, parts[0] + parts[1])
    least = delong.least_variance(auc, m, n)
    settings = {"confidence": 0.95}
    made = {
        name: delong.interval(auc, variance, least, transform=transform, **settings)
        for name, transform in CONFIGURED.items()
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = variance**2 / (parts[0] ** 2 / (m - 1) + parts[1] ** 2 / (n - 1))
        made["logit_t"] = _logit(auc, variance, stdtrit(np.maximum(freedom, 1), 0.975))
        made["logit_hanley"] = _logit(auc, _hanley(auc, m, n), Z)
        made["logit_larger"] = _logit(auc, np.maximum(variance, least), Z)
    made["newcombe"] = _score(auc, lambda mean: delong.least_variance(mean, m, n))
    made["wilson_delong"] = delong.interval(auc, variance, transform="wilson", **settings)
    made["likelihood"] = _likelihood(v_pos, parts[0], variance)
    exact = [
        Alike(value, min(m, n)).interval(confidence=0.95) if value in (0, 0.5, 1) else (0, 0)
        for value in auc
    ]
    for name, (low, high) in made.items():
        made[name] = tuple(
            np.where(variance == 0, [pair[side] for pair in exact], bound)
            for side, bound in enumerate((low, high))
        )
    made["plain_as_is"] = delong.interval(auc, variance, transform="none", **settings)
    return auc, made


def _logit(auc: Any, variance: Any, quantile: Any) -> Bounds:
    reach = quantile * np.sqrt(variance) / (auc * (1 - auc))
    return expit(logit(auc) - reach), expit(logit(auc) + reach)


def _hanley(auc: Any, m: int, n: int) -> Any:
    both, two = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    return (auc * (1 - auc) + (m - 1) * (both - auc**2) + (n - 1) * (two - auc**2)) / (m * n)


def _score(auc: Any, variance: Callable[[Any], Any]) -> Bounds:
    """Return the AUCs at which the estimate is Z standard errors away."""
    bounds = []
    for limit in (0.0, 1.0):
        far, near = np.full(auc.shape, limit), auc.copy()
        for _ in range(40):
            middle = (far + near) / 2
            outside = np.abs(auc - middle) > Z * np.sqrt(variance(middle))
            far, near = np.where(outside, middle, far), np.where(outside, near, middle)
        bounds.append((far + near) / 2)
    return bounds[0], bounds[1]


def _likelihood(v_pos: Any, part: Any, variance: Any) -> Bounds:
    """Return the means that weights of enough likelihood give the placements.

    The weights of a mean are proportional to 1 / (placement + s): from s just above minus the
    smallest placement, the smallest mean, to infinity, equal weights; likewise from above.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        most = -(Z**2) / 2 * variance / part
    bounds = []
    for v, sign in ((v_pos, 1), (1 - v_pos, -1)):
        shifted = v - v.min(axis=1, keepdims=True)
        small, large = np.full(len(v), -14.0), np.full(len(v), 8.0)
        for _ in range(40):
            middle = (small + large) / 2
            weights = 1 / (shifted + np.exp(middle)[:, None])
            weights /= weights.sum(axis=1, keepdims=True)
            outside = np.log(weights * v.shape[1]).sum(axis=1) < most
            small, large = np.where(outside, middle, small), np.where(outside, large, middle)
        mean = (weights * v).sum(axis=1)
        bounds.append(mean if sign == 1 else 1 - mean)
    return bounds[0], bounds[1]


def _difference(positives: Any, negatives: Any, made: dict[str, Bounds]) -> float:
    """Return how far these intervals lie from the product's, of the first replicates."""
    y = np.repeat([1, 0], [positives.shape[1], negatives.shape[1]])
    gaps = [0.0]
    for i, scores in enumerate(np.hstack([positives, negatives])):
        for name, transform in CONFIGURED.items():
            auc, _ = auc_interval.estimate(y, scores, np.arange(y.size), transform=transform)
            low, high = made[name]
            gaps += [abs(auc.low - low[i]), abs(auc.high - high[i])]
    return float(max(gaps))


def _clustered(
    auc: float, pos: tuple[int, int], neg: tuple[int, int], rng: np.random.Generator
) -> tuple[Any, dict[str, Bounds]]:
    """Return what the product makes of patients with two lesions of one class each."""
    patients = np.concatenate([np.arange(pos[1]) // 2, pos[1] + np.arange(neg[1]) // 2])
    y = np.repeat([1, 0], [pos[1], neg[1]])
    apart = np.sqrt(2) * ndtri(auc)
    found = []
    for _ in range(pos[0]):
        shared = rng.normal(size=y.size)[patients]
        scores = np.sqrt(0.5) * (shared + rng.normal(size=y.size)) + apart * y
        found.append(
            [
                auc_interval.estimate(y, scores, patients, transform=transform)[0]
                for transform in CONFIGURED.values()
            ]
        )
    made = {
        name: (np.array([row[i].low for row in found]), np.array([row[i].high for row in found]))
        for i, name in enumerate(CONFIGURED)
    }
    return np.array([row[0].auc for row in found]), made
