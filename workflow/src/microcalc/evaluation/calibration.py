"""`calibration.csv` and its curve: whether 0.3 means three in ten. Agrees with R's rms val.prob."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc, expit, ndtr, ndtri

from microcalc.core.seeds import stream
from microcalc.evaluation import predictions
from microcalc.statistics import arrays, logit_fits, resampling
from microcalc.statistics.arrays import Bools, Floats
from microcalc.statistics.proportions import of_cases

Curve = tuple[Floats, Floats]

GROUPS = 10
BINS = 20
CURVE_POINTS = 101

ESTIMATES = (
    "intercept", "slope", "citl", "oe", "brier", "brier_scaled", "ici", "e50", "e90", "emax",
)  # fmt: skip
DISTANCES = ("ici", "e50", "e90", "emax")
COLUMNS = (
    "model", "split", "kind", "n", "n_pos", "n_neg", "n_patients",
    *(f"{name}{bound}" for name in ESTIMATES for bound in ("", "_low", "_high")),
    "ici_p", "spiegelhalter_z", "spiegelhalter_p", "hl_chi2", "hl_df", "hl_p", "method",
)  # fmt: skip
CURVE_COLUMNS = ("model", "split", "kind", "n", "probability", "observed", "low", "high")
GROUP_COLUMNS = (
    "model", "split", "kind", "group", "n", "n_pos", "mean_probability", "observed", "low", "high",
)  # fmt: skip
HISTOGRAM_COLUMNS = ("model", "split", "kind", "bin_low", "bin_high", "n_neg", "n_pos")


@dataclass(frozen=True)
class Calibration:
    """How probabilities agree with outcomes.

    Attributes
    ----------
    intercept, slope
        Of the logistic regression of y on the logit of the probability; 0 and 1 at best.
    citl
        Calibration in the large: the intercept when the slope is held at 1; 0 at best.
    oe
        Observed over expected events; 1 at best.
    brier, brier_scaled
        Mean squared error, and 1 − it over that of the prevalence for everyone.
    ici, e50, e90, emax
        Mean, median, 90th percentile and maximum of |probability − lowess curve|.
    """

    intercept: float
    slope: float
    citl: float
    oe: float
    brier: float
    brier_scaled: float
    ici: float
    e50: float
    e90: float
    emax: float


@dataclass(frozen=True)
class HosmerLemeshow:
    """The test on quantile groups; the degrees of freedom are those of data not fitted on."""

    chi2: float
    degrees_of_freedom: int
    p_value: float


def measure(y: npt.ArrayLike, probability: npt.ArrayLike) -> Calibration:
    """Return all calibration estimates; those a separating model leaves undefined are NaN.

    Parameters
    ----------
    y
        Outcome, 0 or 1, shape (n,), both classes.
    probability
        Predicted probability of the positive class, shape (n,).

    Raises
    ------
    StudyError
        When a class is empty, a probability is missing or outside [0, 1], or y holds anything
        but 0 and 1.

    Notes
    -----
    Harrell, Regression Modeling Strategies, 2015, section 10.9; Austin and Steyerberg, Stat Med
    2019; 38: 4051 (ICI, E50, E90).
    """
    positive, p = _checked(y, probability)
    found = _measured(positive[None], p[None], [_lowess(positive, p)])[0]
    return Calibration(*map(float, found))


def wald(
    y: npt.ArrayLike, probability: npt.ArrayLike, *, confidence: float = 0.95
) -> dict[str, tuple[float, float]]:
    """Return Wald intervals of intercept, slope and citl, for independent cases."""
    positive, p = _checked(y, probability)
    sample = positive[None], p[None]
    (intercept, slope), errors = (v[0].tolist() for v in logit_fits.intercept_and_slope(*sample))
    citl, citl_error = (v[0].tolist() for v in logit_fits.intercept_alone(*sample))
    reach = float(ndtri(0.5 + arrays.check_confidence(confidence) / 2))
    named = {
        "intercept": (intercept, errors[0]),
        "slope": (slope, errors[1]),
        "citl": (citl, citl_error),
    }
    return {
        name: (value - reach * error, value + reach * error)
        for name, (value, error) in named.items()
    }


def spiegelhalter(y: npt.ArrayLike, probability: npt.ArrayLike) -> tuple[float, float]:
    """Return Spiegelhalter's z and its two-sided p value (Stat Med 1986; 5: 421)."""
    positive, p = _checked(y, probability)
    variance = ((1 - 2 * p) ** 2 * p * (1 - p)).sum()
    if variance == 0:
        return math.nan, math.nan
    z = float(((positive - p) * (1 - 2 * p)).sum() / math.sqrt(variance))
    return z, float(2 * ndtr(-abs(z)))


def ici_p_value(
    y: npt.ArrayLike,
    probability: npt.ArrayLike,
    patients: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    resamples: int = 200,
) -> float:
    """Return the p value of the ICI: how often right probabilities lie as far from their curve.

    Parameters
    ----------
    y, probability
        As in `measure`.
    patients
        Patient of each case, shape (n,).
    rng
        From `microcalc.core.seeds.stream`.
    resamples
        How many sets of outcomes are drawn for these cases.

    Returns
    -------
    float
        (1 + draws whose ICI is at least the one found) / (1 + resamples), never 0.

    Notes
    -----
    A smoothed curve is never the diagonal, so that the ICI of perfect probabilities is above 0
    and no interval of it can test them. Here outcomes are drawn from the probabilities (parametric
    bootstrap), which makes p exact for any smoother. Where patients have several cases these may
    err together: the residuals y - p are kept, and all of a patient's change sign at random (wild
    bootstrap by cluster: Cameron, Gelbach and Miller, Rev Econ Stat 2008; 90: 414). Simulated in
    `simulations/calibration_ici.py`.
    """
    positive, p = _checked(y, probability)
    rising = np.argsort(p, kind="stable")
    outcomes, ranked = positive[rising].astype(float), p[rising]
    codes = resampling.patient_codes(patients)[rising]
    several = resampling.has_clusters(codes)
    found = _ici(outcomes, ranked)
    as_far = 0
    for _ in range(resampling.check_resamples(resamples)):
        if several:
            signs = 2.0 * rng.integers(0, 2, int(codes.max()) + 1)[codes] - 1
            drawn = ranked + signs * (outcomes - ranked)
        else:
            drawn = (rng.random(ranked.size) < ranked).astype(float)
        # Outcomes that are the ones found must count, whatever the order of summation.
        as_far += _ici(drawn, ranked) >= found * (1 - 1e-12)
    return (1 + as_far) / (1 + resamples)


def _ici(outcomes: Floats, p: Floats) -> float:
    """Return the mean distance of the lowess curve of outcomes from the diagonal."""
    return float(np.abs(p - np.interp(p, *_lowess(outcomes, p))).mean())


def hosmer_lemeshow(
    y: npt.ArrayLike, probability: npt.ArrayLike, *, groups: int = GROUPS
) -> HosmerLemeshow:
    """Return Hosmer and Lemeshow's test, for those who must.

    It answers "is the sample large enough to see a misfit", depends on the grouping and has
    little power; intercept, slope and curve say more. Groups are cut at quantiles of the
    probability, tied ones merged; as many degrees of freedom as groups, since the probabilities
    were not fitted on these data.
    """
    positive, p = _checked(y, probability)
    group = _quantile_groups(p, groups)
    n = np.bincount(group)
    observed = np.bincount(group, weights=positive)
    expected = np.bincount(group, weights=p)
    room = expected * (1 - expected / n)
    if (room == 0).any():
        return HosmerLemeshow(math.nan, n.size, math.nan)
    chi2 = float(((observed - expected) ** 2 / room).sum())
    return HosmerLemeshow(chi2, n.size, float(chdtrc(n.size, chi2)))


def smooth_curve(y: npt.ArrayLike, probability: npt.ArrayLike, grid: npt.ArrayLike) -> Floats:
    """Return the lowess curve of y over the probability at `grid`; NaN outside the data.

    Span 2/3, no robustness iterations, as val.prob has it.
    """
    positive = arrays.outcome(y)
    p = arrays.probabilities(probability, n=positive.size)
    return _at(_lowess(positive, p), np.asarray(grid, dtype=np.float64))


def assess(
    rows: pd.DataFrame, *, confidence: float = 0.95, resamples: int = 500, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the estimates of each model, split and kind, and its flexible calibration curve.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    confidence
        Coverage of the intervals: Wald for intercept, slope and citl (bootstrap when a patient
        has more than one case, as `method` says), bootstrap percentiles for the rest; those of
        the distances ICI, E50, E90 and Emax are centered, because a curve through copies bends
        more, and their lower bound tests nothing (see `ici_p_value`). Of the curve's pointwise
        band too.
    resamples, seed
        Bootstrap replicates of whole patients, as many draws for `ici_p`, and the study's seed.

    Returns
    -------
    estimates
        One row per model, split and kind, with `COLUMNS`; without estimates for one class.
    curves
        With `CURVE_COLUMNS`, from the same replicates. Where more than a tenth of them does not
        reach, at the ends, or all agree, the band is missing.
    """
    resampling.check_resamples(resamples)
    found, curves = [], []
    for model, split, kind, part in _parts(rows):
        y, p = part["y"].to_numpy(), part["probability"].to_numpy()
        n_pos = int(y.sum())
        row: dict[str, Any] = {
            "model": model, "split": split, "kind": kind, "n": y.size, "n_pos": n_pos,
            "n_neg": y.size - n_pos, "n_patients": part["patient_id"].nunique(),
        }  # fmt: skip
        if n_pos in (0, y.size):
            found.append(row | {"method": "undefined: one class"})
            continue
        rng = stream(seed, "evaluation.calibration", model, split, kind)
        grid = np.linspace(p.min(), p.max(), CURVE_POINTS)
        replicates, drawn = _replicates(part, grid, rng, resamples=resamples)
        row |= _estimates(part, replicates, confidence=confidence)
        rng = stream(seed, "evaluation.calibration", "ici", model, split, kind)
        patients = part["patient_id"].to_numpy()
        row["ici_p"] = ici_p_value(y, p, patients, rng, resamples=resamples)
        found.append(row)
        low, high = _band(drawn, confidence=confidence)
        curves.append(
            pd.DataFrame(
                {
                    "model": model, "split": split, "kind": kind, "n": y.size, "probability": grid,
                    "observed": np.clip(smooth_curve(y, p, grid), 0, 1), "low": low, "high": high,
                }
            )
        )  # fmt: skip
    curve = pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=CURVE_COLUMNS)
    return pd.DataFrame(found, columns=list(COLUMNS)), curve


def groups(rows: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return observed shares in tenths of predicted risk, intervals as `proportions.of_cases`."""
    found = []
    for model, split, kind, part in _parts(rows):
        y, p = part["y"].to_numpy(), part["probability"].to_numpy()
        patients = part["patient_id"].to_numpy()
        group = _quantile_groups(p, GROUPS)
        for number in range(int(group.max()) + 1):
            here = group == number
            share = of_cases(y[here], patients[here], confidence=confidence)
            found.append(
                [model, split, kind, number + 1, share.n, share.successes,
                 float(p[here].mean()), share.estimate, share.low, share.high]
            )  # fmt: skip
    return pd.DataFrame(found, columns=list(GROUP_COLUMNS))


def histogram(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how many cases of each class have a probability in each twentieth of [0, 1]."""
    edges = np.linspace(0, 1, BINS + 1)
    found = []
    for model, split, kind, part in _parts(rows):
        y, p = part["y"].to_numpy(), part["probability"].to_numpy()
        negative, positive = (np.histogram(p[y == of], bins=edges)[0] for of in (0, 1))
        found.append(
            pd.DataFrame(
                {
                    "model": model, "split": split, "kind": kind, "bin_low": edges[:-1],
                    "bin_high": edges[1:], "n_neg": negative, "n_pos": positive,
                }
            )
        )  # fmt: skip
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=HISTOGRAM_COLUMNS)


def fit_recalibration(y: npt.ArrayLike, probability: npt.ArrayLike) -> tuple[float, float]:
    """Return (intercept, slope) that recalibrate: logit(p′) = intercept + slope · logit(p)."""
    positive, p = _checked(y, probability)
    intercept, slope = logit_fits.intercept_and_slope(positive[None], p[None])[0][0]
    return float(intercept), float(slope)


def apply_recalibration(probability: npt.ArrayLike, intercept: float, slope: float) -> Floats:
    """Return recalibrated probabilities."""
    x = logit_fits.logits(np.asarray(probability, dtype=float))
    return np.asarray(expit(intercept + slope * x))


def _parts(rows: pd.DataFrame) -> Iterator[tuple[str, str, str, pd.DataFrame]]:
    for split, kind, of_set in predictions.sets(predictions.check(rows)):
        for model, part in of_set.groupby("model", sort=True):
            yield str(model), split, kind, part


def _estimates(part: pd.DataFrame, replicates: Floats, *, confidence: float) -> dict[str, Any]:
    """Return the columns of `calibration.csv` that need both classes."""
    y, p = part["y"].to_numpy(), part["probability"].to_numpy()
    row: dict[str, Any] = asdict(measure(y, p))
    for name, values in zip(ESTIMATES, replicates.T, strict=True):
        bounds = resampling.percentile(values, confidence=confidence)
        if name in DISTANCES:
            bounds = resampling.centered(row[name], values, confidence=confidence)
            bounds = (float(np.maximum(0.0, bounds[0])), bounds[1])
        row[f"{name}_low"], row[f"{name}_high"] = bounds
    row["method"] = "cluster bootstrap; ici_p: wild bootstrap by patient"
    if not resampling.has_clusters(part["patient_id"].to_numpy()):
        row["method"] = (
            "Wald: intercept, slope, citl; bootstrap: the rest; ici_p: parametric bootstrap"
        )
        for name, (low, high) in wald(y, p, confidence=confidence).items():
            row[f"{name}_low"], row[f"{name}_high"] = low, high
    row["spiegelhalter_z"], row["spiegelhalter_p"] = spiegelhalter(y, p)
    test = hosmer_lemeshow(y, p)
    return row | {"hl_chi2": test.chi2, "hl_df": test.degrees_of_freedom, "hl_p": test.p_value}


def _band(drawn: Floats, *, confidence: float) -> tuple[Floats, Floats]:
    low, high = resampling.pointwise(drawn, confidence=confidence)
    # Straight pieces may leave [0, 1]; the share of positives cannot. Nothing is left of a band
    # that lies outside altogether.
    low, high = np.clip(low, 0, 1), np.clip(high, 0, 1)
    return np.where(low < high, low, np.nan), np.where(low < high, high, np.nan)


def _replicates(
    part: pd.DataFrame, grid: Floats, rng: np.random.Generator, *, resamples: int
) -> tuple[Floats, Floats]:
    """Return the `ESTIMATES` of each replicate, (resamples, 10), and its curve at `grid`.

    The curves have shape (resamples, grid points).
    """
    positive, p = _checked(part["y"].to_numpy(), part["probability"].to_numpy())
    codes = resampling.patient_codes(part["patient_id"].to_numpy())
    # To sort what is sorted costs next to nothing.
    rising = np.argsort(p, kind="stable")
    ranked_positive, ranked = positive[rising], p[rising]
    measured, heights = [], []
    for weights in resampling.case_weights(codes, rng, resamples=resamples):
        # One class will do for a curve: a resample of few cases may hold no other.
        curves = [
            _lowess(np.repeat(ranked_positive, times), np.repeat(ranked, times))
            for times in weights[:, rising]
        ]
        heights += [_at(curve, grid) for curve in curves]
        measured.append(_resampled(positive, p, weights, curves))
    return np.concatenate(measured), np.array(heights)


def _resampled(
    positive: Bools, p: Floats, weights: resampling.Integers, curves: Sequence[Curve]
) -> Floats:
    """Return the `ESTIMATES` of each row of weights, shape (b, 10); NaN where it lacks a class."""
    estimates = np.full((len(weights), len(ESTIMATES)), np.nan)
    sizes, positives = weights.sum(axis=1), (weights * positive).sum(axis=1)
    both = (positives > 0) & (positives < sizes)
    # Resamples of patients with several cases differ in size.
    for size in np.unique(sizes[both]):
        rows = np.flatnonzero(both & (sizes == size))
        every = np.tile(np.arange(p.size), rows.size)
        drawn = np.repeat(every, weights[rows].ravel()).reshape(rows.size, size)
        estimates[rows] = _measured(
            positive[drawn], p[drawn], [curves[row] for row in rows.tolist()]
        )
    return estimates


def _measured(positive: Bools, p: Floats, curves: Sequence[Curve]) -> Floats:
    """Return the `ESTIMATES` of b samples of n checked cases, shape (b, 10).

    Parameters
    ----------
    positive, p
        Shape (b, n), both classes in each sample.
    curves
        What `_lowess` returned for each sample.
    """
    y_mean, brier = positive.mean(axis=1), ((p - positive) ** 2).mean(axis=1)
    gaps = np.abs(p - [np.interp(x, *curve) for x, curve in zip(p, curves, strict=True)])
    expected = p.sum(axis=1)
    oe = np.full(len(p), math.inf)
    return np.column_stack(
        [
            logit_fits.intercept_and_slope(positive, p)[0],
            logit_fits.intercept_alone(positive, p)[0],
            np.divide(positive.sum(axis=1), expected, out=oe, where=expected > 0),
            brier,
            1 - brier / (y_mean * (1 - y_mean)),
            gaps.mean(axis=1),
            np.median(gaps, axis=1),
            np.quantile(gaps, 0.9, axis=1),
            gaps.max(axis=1),
        ]
    )


def _checked(y: npt.ArrayLike, probability: npt.ArrayLike) -> tuple[Bools, Floats]:
    positive = arrays.outcome(y)
    arrays.both_classes(positive)
    return positive, arrays.probabilities(probability, n=positive.size)


def _lowess(positive: Bools | Floats, p: Floats) -> Curve:
    """Return distinct probabilities and the lowess curve there."""
    # statsmodels takes long to import and only this needs it.
    from statsmodels.nonparametric.smoothers_lowess import (  # type: ignore[import-untyped]
        lowess,
    )

    order = np.argsort(p, kind="stable")
    ranked, sorted_positive = p[order], positive[order].astype(float)
    first = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    x, sizes = ranked[first], np.diff(first, append=p.size)
    shares = np.add.reduceat(sorted_positive, first) / sizes
    if x.size < 3:
        return x, shares
    with np.errstate(all="ignore"):
        smoothed = lowess(
            sorted_positive,
            ranked,
            frac=2 / 3,
            it=0,
            delta=0.01 * float(np.ptp(p)),
            is_sorted=True,
            return_sorted=False,
            missing="none",
        )[first]
    # Where two thirds of the cases share one probability lowess has no neighborhood to fit.
    return x, np.where(np.isfinite(smoothed), smoothed, shares)


def _at(curve: Curve, grid: Floats) -> Floats:
    """Return the curve's height at `grid`, NaN outside the data."""
    return np.asarray(np.interp(grid, *curve, left=np.nan, right=np.nan))


def _quantile_groups(p: Floats, number: int) -> npt.NDArray[np.intp]:
    edges = np.unique(np.quantile(p, np.linspace(0, 1, number + 1)))
    group = np.searchsorted(edges[1:-1], p, side="left")
    return np.unique(group, return_inverse=True)[1]
