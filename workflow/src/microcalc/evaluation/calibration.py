"""`calibration.csv` and its curve: whether 0.3 means three in ten. Agrees with R's rms val.prob."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc, expit, logit, ndtr, ndtri

from microcalc.evaluation import arrays, predictions, resampling
from microcalc.evaluation.arrays import Bools, Floats
from microcalc.evaluation.proportions import wilson
from microcalc.seeds import stream

# A probability of exactly 0 or 1 has no logit; so near to it none is claimed with reason.
EDGE = 1e-12
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
    "spiegelhalter_z", "spiegelhalter_p", "hl_chi2", "hl_df", "hl_p", "method",
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
    return _measured(positive, p, _lowess(positive, p))


def wald(
    y: npt.ArrayLike, probability: npt.ArrayLike, *, confidence: float = 0.95
) -> dict[str, tuple[float, float]]:
    """Return Wald intervals of intercept, slope and citl, for independent cases."""
    positive, p = _checked(y, probability)
    (intercept, slope), errors = _logistic(positive, p)
    citl, citl_error = _in_the_large(positive, p)
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
        more. Of the curve's pointwise band too.
    resamples, seed
        Bootstrap replicates of whole patients, and the study's seed.

    Returns
    -------
    estimates
        One row per model, split and kind, with `COLUMNS`; without estimates for one class.
    curves
        With `CURVE_COLUMNS`, from the same replicates. Where more than a tenth of them does not
        reach, at the ends, the band is missing.
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
        found.append(row | _estimates(part, replicates, confidence=confidence))
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
    """Return observed shares in tenths of predicted risk, with Wilson intervals."""
    found = []
    for model, split, kind, part in _parts(rows):
        y, p = part["y"].to_numpy(), part["probability"].to_numpy()
        group = _quantile_groups(p, GROUPS)
        for number in range(int(group.max()) + 1):
            here = group == number
            share = wilson(int(y[here].sum()), int(here.sum()), confidence=confidence)
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
    intercept, slope = _logistic(positive, p)[0]
    return intercept, slope


def apply_recalibration(probability: npt.ArrayLike, intercept: float, slope: float) -> Floats:
    """Return recalibrated probabilities."""
    p = np.clip(np.asarray(probability, dtype=float), EDGE, 1 - EDGE)
    return np.asarray(expit(intercept + slope * logit(p)))


def _parts(rows: pd.DataFrame) -> Iterator[tuple[str, str, str, pd.DataFrame]]:
    for split, kind, of_set in predictions.sets(predictions.check(rows)):
        for model, part in of_set.groupby("model", sort=True):
            yield str(model), split, kind, part


def _estimates(
    part: pd.DataFrame, replicates: Sequence[Calibration], *, confidence: float
) -> dict[str, Any]:
    """Return the columns of `calibration.csv` that need both classes."""
    y, p = part["y"].to_numpy(), part["probability"].to_numpy()
    row: dict[str, Any] = asdict(measure(y, p))
    for name in ESTIMATES:
        values = np.array([getattr(replicate, name) for replicate in replicates])
        bounds = resampling.percentile(values, confidence=confidence)
        if name in DISTANCES:
            bounds = resampling.centered(row[name], values, confidence=confidence)
            bounds = (max(0.0, bounds[0]), bounds[1])
        row[f"{name}_low"], row[f"{name}_high"] = bounds
    row["method"] = "cluster bootstrap"
    if not resampling.has_clusters(part["patient_id"].to_numpy()):
        row["method"] = "Wald: intercept, slope, citl; bootstrap: the rest"
        for name, (low, high) in wald(y, p, confidence=confidence).items():
            row[f"{name}_low"], row[f"{name}_high"] = low, high
    row["spiegelhalter_z"], row["spiegelhalter_p"] = spiegelhalter(y, p)
    test = hosmer_lemeshow(y, p)
    return row | {"hl_chi2": test.chi2, "hl_df": test.degrees_of_freedom, "hl_p": test.p_value}


def _band(drawn: Floats, *, confidence: float) -> tuple[Floats, Floats]:
    low, high = resampling.pointwise(drawn, confidence=confidence)
    # Straight pieces may leave [0, 1]; the share of positives cannot.
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def _replicates(
    part: pd.DataFrame, grid: Floats, rng: np.random.Generator, *, resamples: int
) -> tuple[list[Calibration], Floats]:
    """Return the estimates of each replicate and its curve at `grid`, (resamples, grid points)."""
    positive, p = _checked(part["y"].to_numpy(), part["probability"].to_numpy())
    codes = resampling.patient_codes(part["patient_id"].to_numpy())
    undefined = Calibration(*[math.nan] * len(ESTIMATES))
    # To sort what is sorted costs next to nothing.
    rising = np.argsort(p, kind="stable")
    measured, curves = [], []
    for weights in resampling.case_weights(codes, rng, resamples=resamples):
        for w in weights:
            times = w[rising]
            # One class will do for a curve: a resample of few cases may hold no other.
            curve = _lowess(np.repeat(positive[rising], times), np.repeat(p[rising], times))
            curves.append(_at(curve, grid))
            drawn = np.repeat(positive, w)
            one_class = drawn.all() or not drawn.any()
            measured.append(undefined if one_class else _measured(drawn, np.repeat(p, w), curve))
    return measured, np.array(curves)


def _measured(positive: Bools, p: Floats, curve: tuple[Floats, Floats]) -> Calibration:
    """Return the estimates of checked cases; `curve` is that of `_lowess`."""
    intercept, slope = _logistic(positive, p)[0]
    y_mean, errors = float(positive.mean()), (p - positive) ** 2
    gaps = np.abs(p - np.interp(p, *curve))
    return Calibration(
        intercept=intercept,
        slope=slope,
        citl=_in_the_large(positive, p)[0],
        oe=float(positive.sum() / p.sum()) if p.any() else math.inf,
        brier=float(errors.mean()),
        brier_scaled=float(1 - errors.mean() / (y_mean * (1 - y_mean))),
        ici=float(gaps.mean()),
        e50=float(np.median(gaps)),
        e90=float(np.quantile(gaps, 0.9)),
        emax=float(gaps.max()),
    )


def _checked(y: npt.ArrayLike, probability: npt.ArrayLike) -> tuple[Bools, Floats]:
    positive = arrays.outcome(y)
    arrays.both_classes(positive)
    return positive, arrays.probabilities(probability, n=positive.size)


def _logistic(positive: Bools, p: Floats) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return (intercept, slope) and their standard errors by Newton's method; NaN if separated."""
    x = logit(np.clip(p, EDGE, 1 - EDGE))
    missing = (math.nan, math.nan)
    if np.ptp(x) == 0 or _separated(positive, x):
        return missing, missing
    a, b = float(logit(positive.mean())), 0.0
    for _ in range(100):
        fitted = expit(a + b * x)
        w = fitted * (1 - fitted)
        residual = positive - fitted
        s, sx, sxx = w.sum(), (w * x).sum(), (w * x * x).sum()
        determinant = s * sxx - sx * sx
        if not determinant > 0:
            return missing, missing
        ga, gb = residual.sum(), (residual * x).sum()
        step_a, step_b = (sxx * ga - sx * gb) / determinant, (s * gb - sx * ga) / determinant
        a, b = a + step_a, b + step_b
        if max(abs(step_a), abs(step_b)) < 1e-12:
            break
    return (float(a), float(b)), (math.sqrt(sxx / determinant), math.sqrt(s / determinant))


def _separated(positive: Bools, x: Floats) -> bool:
    pos, neg = x[positive], x[~positive]
    return bool(pos.min() >= neg.max() or pos.max() <= neg.min())


def _in_the_large(positive: Bools, p: Floats) -> tuple[float, float]:
    """Return the intercept with slope 1 and its standard error."""
    x = logit(np.clip(p, EDGE, 1 - EDGE))
    a = 0.0
    for _ in range(200):
        fitted = expit(a + x)
        w = (fitted * (1 - fitted)).sum()
        if not w > 0:
            return math.nan, math.nan
        step = float((positive - fitted).sum() / w)
        a += math.copysign(min(abs(step), 5.0), step)
        if abs(step) < 1e-13:
            break
    return a, float(1 / math.sqrt(w))


def _lowess(positive: Bools, p: Floats) -> tuple[Floats, Floats]:
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
        )[first]
    # Where two thirds of the cases share one probability lowess has no neighborhood to fit.
    return x, np.where(np.isfinite(smoothed), smoothed, shares)


def _at(curve: tuple[Floats, Floats], grid: Floats) -> Floats:
    """Return the curve's height at `grid`, NaN outside the data."""
    return np.asarray(np.interp(grid, *curve, left=np.nan, right=np.nan))


def _quantile_groups(p: Floats, number: int) -> npt.NDArray[np.intp]:
    edges = np.unique(np.quantile(p, np.linspace(0, 1, number + 1)))
    group = np.searchsorted(edges[1:-1], p, side="left")
    return np.unique(group, return_inverse=True)[1]
