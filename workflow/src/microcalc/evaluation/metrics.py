"""Performance measures: `metrics.csv`, one row per model, split and kind of prediction."""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from microcalc.core.errors import StudyError
from microcalc.core.seeds import stream
from microcalc.evaluation import predictions
from microcalc.models.frozen import FrozenModel
from microcalc.statistics import (
    auc_interval,
    operating_point,
    precision_recall,
    proportions,
    resampling,
)
from microcalc.statistics.delong import Transform

PROPORTIONS = ("sensitivity", "specificity", "accuracy", "ppv", "npv")
RATIOS = ("balanced_accuracy", "lr_pos", "lr_neg")
AT_PREVALENCE = ("ppv_at_prevalence", "npv_at_prevalence")
BOOTSTRAPPED = ("f1", *RATIOS, *AT_PREVALENCE, "average_precision", "brier")


def _bounded(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}{bound}" for name in names for bound in ("", "_low", "_high"))


COLUMNS = (
    "model", "split", "kind", "n", "n_pos", "n_neg",
    *_bounded("auc"),
    "threshold",
    *_bounded(*PROPORTIONS, "f1"),
    "brier",
    "tp", "fp", "tn", "fn",
    "auc_method",
    "n_patients", "interval_method", "resamples",
    *_bounded(*RATIOS, "average_precision"),
    "prevalence", *_bounded(*AT_PREVALENCE),
    "brier_low", "brier_high",
)  # fmt: skip

logger = logging.getLogger(__name__)


def table(
    rows: pd.DataFrame,
    models: Mapping[str, FrozenModel],
    *,
    confidence: float,
    transform: Transform,
    resamples: int,
    seed: int,
    prevalence: float | None,
) -> pd.DataFrame:
    """Return the performance measures, one row per model, split and kind, with `COLUMNS`.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    models
        The frozen models by name, of which `threshold` is read: a case at the threshold is
        called positive. The order of the models is that of the table.
    confidence
        Coverage of the intervals: DeLong for the AUC, Wilson for proportions, bootstrap
        percentiles by patient for F1, likelihood ratios, balanced accuracy, average precision,
        Brier score and predictive values at a stated prevalence. Where a patient has more than
        one case, the AUC's is Obuchowski's and proportions have Wilson's at the effective sample
        size (`proportions.of_cases`). Where a bootstrap cannot tell, because sensitivity or
        specificity is 0 or 1 or all replicates agree, the limits are joined from those of
        proportions (`operating_point.from_proportions`) or, for average precision and the Brier
        score, left empty; `auc_method` and `interval_method` say which.
    transform
        Of the AUC's interval, as for `auc_interval.estimate`.
    resamples
        Bootstrap replicates, at least 20.
    seed
        The study's seed; each row draws from a stream of its own.
    prevalence
        A share of positives at which to state predictive values besides the sample's own.

    Returns
    -------
    pandas.DataFrame
        What is not defined is missing: PPV when no case is called positive, the AUC of a set
        with one class (its other figures are shown, `auc_method` says why), the AUC's interval
        when no variance can be estimated, as with a single case in a class.

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`) or are of a model that is not
        among `models`, or there are fewer than 20 resamples.
    """
    predictions.check(rows)
    resampling.check_resamples(resamples)
    unknown = sorted(set(rows["model"]) - set(models))
    if unknown:
        raise StudyError(
            f"predictions of {', '.join(unknown)}, but the frozen models are "
            f"{', '.join(models) or 'none'}; predict with the models that are evaluated"
        )
    found = []
    for model, frozen in models.items():
        for split, kind, of_set in predictions.sets(rows):
            of_model = of_set[of_set["model"] == model]
            if len(of_model):
                row: dict[str, Any] = {"model": model, "split": split, "kind": kind}
                row |= _sizes(of_model)
                row |= _auc(of_model, f"model {model}, {split}", confidence, transform)
                row |= _figures(
                    of_model,
                    frozen["threshold"],
                    confidence=confidence,
                    resamples=resamples,
                    rng=stream(seed, "evaluation.metrics", model, split, kind),
                    prevalence=prevalence,
                )
                found.append(row)
    return pd.DataFrame(found, columns=list(COLUMNS))


def _sizes(rows: pd.DataFrame) -> dict[str, int]:
    n_pos = int((rows["y"] == 1).sum())
    return {
        "n": len(rows),
        "n_pos": n_pos,
        "n_neg": len(rows) - n_pos,
        "n_patients": rows["patient_id"].nunique(),
    }


def _auc(
    rows: pd.DataFrame, what: str, confidence: float, transform: Transform
) -> dict[str, float | str]:
    y, probability = rows["y"].to_numpy(), rows["probability"].to_numpy()
    if len(np.unique(y)) < 2:
        logger.warning("%s: one class only, the AUC is left empty", what)
        return {"auc": math.nan, "auc_method": "undefined: one class"}
    patients = rows["patient_id"].to_numpy()
    found, method = auc_interval.estimate(
        y, probability, patients, confidence=confidence, transform=transform
    )
    return {
        "auc": found.auc,
        "auc_low": found.low,
        "auc_high": found.high,
        "auc_method": method,
    }


def _figures(
    rows: pd.DataFrame,
    threshold: float,
    *,
    confidence: float,
    resamples: int,
    rng: np.random.Generator,
    prevalence: float | None,
) -> dict[str, Any]:
    y, probability = rows["y"].to_numpy(), rows["probability"].to_numpy()
    patients = rows["patient_id"].to_numpy()
    settings: dict[str, Any] = {"rng": rng, "resamples": resamples, "confidence": confidence}
    point = operating_point.measure(
        y, probability, threshold, patients=patients, confidence=confidence
    )
    drawn = operating_point.bootstrap(
        y, probability, patients, threshold, prevalence=prevalence, **settings
    )
    cells = [point.tp, point.fp, point.tn, point.fn]
    values = operating_point.derived(np.array([cells]), prevalence=prevalence)
    row: dict[str, Any] = {"threshold": threshold, "prevalence": prevalence, "resamples": resamples}
    row |= dict(zip(("tp", "fp", "tn", "fn"), cells, strict=True))
    for name, value in values.items():
        row[name] = float(value[0])
        row[f"{name}_low"], row[f"{name}_high"] = drawn[name]
    for name in PROPORTIONS:
        share = getattr(point, name)
        row[f"{name}_low"], row[f"{name}_high"] = share.low, share.high
    joined = operating_point.from_proportions(
        y, probability, patients, threshold, confidence=confidence, prevalence=prevalence
    )
    certain = {point.sensitivity.estimate, point.specificity.estimate} & {0.0, 1.0}
    used = []
    for name, bounds in joined.items():
        stuck = math.isnan(row[f"{name}_low"]) or (certain and name != "f1")
        if stuck and not math.isnan(row[name] + bounds[0]):
            row[f"{name}_low"], row[f"{name}_high"] = bounds
            used.append(name)
    row["average_precision"] = math.nan
    if point.tp + point.fn:
        row |= dict(
            zip(
                _bounded("average_precision"),
                precision_recall.average_precision_ci(y, probability, patients, **settings),
                strict=True,
            )
        )
    row |= _brier(y, probability, patients, **settings)
    return row | {"interval_method": _interval_method(row, used, patients)}


def _interval_method(row: Mapping[str, Any], joined: Sequence[str], patients: Any) -> str:
    """Return how the intervals of a row were made, the exceptions by name."""
    methods = [proportions.WILSON, "bootstrap where no proportion"]
    if resampling.has_clusters(patients):
        methods = [proportions.CLUSTERED, "cluster bootstrap where no proportion"]
    if joined:
        methods.append(f"from the limits of proportions: {', '.join(joined)}")
    undetermined = [
        name
        for name in BOOTSTRAPPED
        if name in row and not math.isnan(row[name]) and math.isnan(row[f"{name}_low"])
    ]
    if undetermined:
        methods.append(f"undetermined: {', '.join(undetermined)}")
    return "; ".join(methods)


def _brier(
    y: Any, probability: Any, patients: Any, *, rng: np.random.Generator, resamples: int,
    confidence: float,
) -> dict[str, float]:  # fmt: skip
    errors = (probability - y) ** 2
    codes = resampling.patient_codes(patients)
    replicates = [
        resampling.weighted_sums(weights, errors) / weights.sum(axis=1)
        for weights in resampling.case_weights(codes, rng, resamples=resamples)
    ]
    low, high = resampling.percentile(np.concatenate(replicates), confidence=confidence)
    return {"brier": float(np.mean(errors)), "brier_low": low, "brier_high": high}
