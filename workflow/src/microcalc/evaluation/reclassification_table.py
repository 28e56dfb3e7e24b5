"""Reclassification: `reclassification.csv`, NRI and IDI of one model over another."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from microcalc.core.seeds import stream
from microcalc.evaluation import compare, predictions
from microcalc.statistics import resampling
from microcalc.statistics.arrays import Floats
from microcalc.statistics.reclassification import Improvement, categorical_nri, continuous_nri, idi

CAUTION = (
    "NRI and IDI can be positive for a useless addition to a miscalibrated model, weigh all "
    "moves alike whatever they cost, and depend on the cut points; judge by AUC, calibration "
    "and net benefit first (Pepe, Biostatistics 2015; 16: 211; Hilden and Gerds, Stat Med 2014; "
    "33: 3405)."
)


COLUMNS = (
    "split", "kind", "model_new", "model_old", "measure", "cuts", "n_pos", "n_neg",
    "estimate", "low", "high", "positives", "positives_low", "positives_high",
    "negatives", "negatives_low", "negatives_high", "z", "p", "method", "caution",
)  # fmt: skip


def table(
    rows: pd.DataFrame,
    pairs: Sequence[Sequence[str]],
    *,
    cuts: Sequence[float],
    confidence: float,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Return the net reclassification and integrated discrimination improvement of each pair.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    pairs
        (new, old) model names, new over old.
    cuts
        Limits of the risk categories inside (0, 1), rising; a probability at a cut is in the upper
        one.
    confidence
        Coverage of the intervals: Wald, or percentiles of a bootstrap of patients when one has
        more than one case (z and p are then left out), as `method` says. There is none where
        no case moved, or all moved alike.
    resamples, seed
        Of that bootstrap.

    Returns
    -------
    pandas.DataFrame
        With `COLUMNS`, three rows per pair and set: continuous NRI, categorical NRI and IDI. A set
        of one class has none. Apparent predictions have no interval and no test: see
        `compare.table`.

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`), a pair names a model without
        predictions, two models disagree on a case's y, the cuts do not rise inside (0, 1), or the
        bootstrap has fewer than 20 resamples.

    References
    ----------
    Pencina, Stat Med 2008; 27: 157.
    """
    predictions.check(rows)
    compare.check_pairs(rows, pairs)
    found = []
    for split, kind, of_set in predictions.sets(rows):
        for new, old in pairs:
            both = compare.paired(of_set, new, old)
            if both["y"].nunique() < 2:
                continue
            common = {
                "split": split, "kind": kind, "model_new": new, "model_old": old,
                "n_pos": int(both["y"].sum()), "n_neg": int((both["y"] == 0).sum()),
                "caution": CAUTION,
            }  # fmt: skip
            rng = stream(seed, "evaluation.reclassification", new, old, split, kind)
            values = _all(cuts, *(both[name].to_numpy() for name in ("y", "a", "b")))
            for measure, value in values.items():
                found.append(common | _row(measure, value, cuts, confidence))
            if resampling.has_clusters(both["patient_id"]):
                _bootstrap(found[-3:], both, cuts, confidence, rng, resamples)
    bounds = [f"{prefix}{bound}" for prefix in PARTS for bound in ("low", "high")]
    table = pd.DataFrame(found, columns=list(COLUMNS))
    return compare.without_tests(table, *bounds, "z", "p")


PARTS = {"": "estimate", "positives_": "positives", "negatives_": "negatives"}


def _all(cuts: Sequence[float], y: Any, new: Floats, old: Floats) -> dict[str, Improvement]:
    return {
        "continuous NRI": continuous_nri(y, old, new),
        "categorical NRI": categorical_nri(y, old, new, cuts=cuts),
        "IDI": idi(y, old, new),
    }


def _row(
    measure: str, value: Improvement, cuts: Sequence[float], confidence: float
) -> dict[str, Any]:
    reach = float(ndtri(0.5 + confidence / 2))
    # Where no case moved, or all moved alike, the error is 0 and says nothing.
    row: dict[str, Any] = {
        "measure": measure,
        "cuts": " ".join(map(str, cuts)) if measure == "categorical NRI" else "",
        "z": value.z,
        "p": float(2 * ndtr(-abs(value.z))),
        "method": "Wald" if value.error else "undetermined",
    }
    for prefix, name in PARTS.items():
        estimate = getattr(value, name)
        error = getattr(value, f"{prefix}error") or math.nan
        row[name] = estimate
        row[f"{prefix}low"], row[f"{prefix}high"] = (
            estimate - reach * error,
            estimate + reach * error,
        )
    return row


def _bootstrap(
    rows: list[dict[str, Any]],
    both: pd.DataFrame,
    cuts: Sequence[float],
    confidence: float,
    rng: np.random.Generator,
    resamples: int,
) -> None:
    resampling.check_resamples(resamples)
    codes = resampling.patient_codes(both["patient_id"])
    columns = [both[name].to_numpy() for name in ("y", "a", "b")]
    drawn: list[dict[str, Improvement]] = []
    for weights in resampling.case_weights(codes, rng, resamples=resamples):
        samples = ([np.repeat(column, w) for column in columns] for w in weights)
        drawn += [_all(cuts, *sample) for sample in samples if sample[0].min() < sample[0].max()]
    for row in rows:
        row |= {"z": math.nan, "p": math.nan, "method": "cluster bootstrap"}
        for prefix, name in PARTS.items():
            values = [getattr(replicate[row["measure"]], name) for replicate in drawn]
            bounds = resampling.percentile(values, confidence=confidence)
            row[f"{prefix}low"], row[f"{prefix}high"] = bounds
        if math.isnan(row["low"]):
            row["method"] = "undetermined"
