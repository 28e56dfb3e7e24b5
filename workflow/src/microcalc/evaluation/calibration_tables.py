"""Calibration: `calibration.csv` and its flexible curve, as R's rms val.prob has them."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from microcalc.core.seeds import stream
from microcalc.evaluation import predictions
from microcalc.statistics import resampling
from microcalc.statistics.arrays import Bools, Floats
from microcalc.statistics.calibration import (
    ESTIMATES,
    GROUPS,
    Curve,
    checked,
    height_at,
    hosmer_lemeshow,
    ici_p_value,
    measure,
    measures,
    quantile_groups,
    smooth_curve,
    smoothed_outcomes,
    spiegelhalter,
    wald,
)
from microcalc.statistics.proportions import of_cases

BINS = 20


CURVE_POINTS = 101


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


def assess(
    rows: pd.DataFrame, *, confidence: float, resamples: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the calibration of each model, split and kind: estimates and flexible curve.

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

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`), or there are fewer than 20
        resamples.
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


def groups(rows: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """Return calibration by groups: observed shares in tenths of predicted risk.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    confidence
        Coverage of the intervals of the shares, `proportions.of_cases`, a fraction.

    Returns
    -------
    pandas.DataFrame
        With `GROUP_COLUMNS`, one row per model, split, kind and group, from 1, the lowest risk.
        Equal probabilities stay together, so that there may be fewer than ten groups.

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`).
    """
    found = []
    for model, split, kind, part in _parts(rows):
        y, p = part["y"].to_numpy(), part["probability"].to_numpy()
        patients = part["patient_id"].to_numpy()
        group = quantile_groups(p, GROUPS)
        for number in range(int(group.max()) + 1):
            here = group == number
            share = of_cases(y[here], patients[here], confidence=confidence)
            found.append(
                [model, split, kind, number + 1, share.n, share.successes,
                 float(p[here].mean()), share.estimate, share.low, share.high]
            )  # fmt: skip
    return pd.DataFrame(found, columns=list(GROUP_COLUMNS))


def histogram(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the histogram of predicted probabilities: cases of each class in twentieths of [0, 1].

    Parameters
    ----------
    rows
        `models/predictions.csv`.

    Returns
    -------
    pandas.DataFrame
        With `HISTOGRAM_COLUMNS`, 20 rows per model, split and kind. A bin holds its lower limit,
        the last one its upper limit too.

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`).
    """
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
    positive, p = checked(part["y"].to_numpy(), part["probability"].to_numpy())
    codes = resampling.patient_codes(part["patient_id"].to_numpy())
    # To sort what is sorted costs next to nothing.
    rising = np.argsort(p, kind="stable")
    ranked_positive, ranked = positive[rising], p[rising]
    measured, heights = [], []
    for weights in resampling.case_weights(codes, rng, resamples=resamples):
        # One class will do for a curve: a resample of few cases may hold no other.
        curves = [
            smoothed_outcomes(np.repeat(ranked_positive, times), np.repeat(ranked, times))
            for times in weights[:, rising]
        ]
        heights += [height_at(curve, grid) for curve in curves]
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
        estimates[rows] = measures(
            positive[drawn], p[drawn], [curves[row] for row in rows.tolist()]
        )
    return estimates
