"""`metrics.csv`: how each model does on each set."""

import logging
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from microcalc.errors import StudyError
from microcalc.evaluation import delong, operating_point, predictions
from microcalc.evaluation.proportions import Proportion

PROPORTIONS = ("sensitivity", "specificity", "accuracy", "ppv", "npv")
COLUMNS = (
    "model", "split", "kind", "n", "n_pos", "n_neg",
    "auc", "auc_low", "auc_high",
    "threshold",
    *(f"{name}{bound}" for name in PROPORTIONS for bound in ("", "_low", "_high")),
    "f1", "f1_low", "f1_high",
    "brier",
    "tp", "fp", "tn", "fn",
    "auc_method",
)  # fmt: skip

logger = logging.getLogger(__name__)


def table(
    rows: pd.DataFrame, models: Mapping[str, Mapping[str, Any]], *, confidence: float = 0.95
) -> pd.DataFrame:
    """Return one row per model, split and kind, with the columns of `COLUMNS`.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    models
        The frozen models by name, of which `threshold` is read: a case at the threshold is
        called positive. The order of the models is that of the table.
    confidence
        Coverage of the intervals: DeLong for the AUC, Wilson for proportions.

    Returns
    -------
    pandas.DataFrame
        What is not defined is missing: PPV when no case is called positive, the AUC of a set
        with one class (its other figures are shown, `auc_method` says why), the AUC's interval
        when a class has a single case.

    Raises
    ------
    StudyError
        When the predictions are not fit for use (`predictions.check`) or are of a model that
        is not among `models`.
    """
    predictions.check(rows)
    unknown = sorted(set(rows["model"]) - set(models))
    if unknown:
        raise StudyError(
            f"predictions of {', '.join(unknown)}, but the frozen models are "
            f"{', '.join(models) or 'none'}; predict with the models that are evaluated"
        )
    found = [
        _row(name, split, kind, of_model, float(models[name]["threshold"]), confidence)
        for name in models
        for split, kind, of_set in predictions.sets(rows)
        if len(of_model := of_set[of_set["model"] == name])
    ]
    return pd.DataFrame(found, columns=list(COLUMNS))


def _row(
    model: str, split: str, kind: str, rows: pd.DataFrame, threshold: float, confidence: float
) -> dict[str, Any]:
    y = rows["y"].to_numpy()
    probability = rows["probability"].to_numpy()
    point = operating_point.measure(y, probability, threshold, confidence=confidence)
    row: dict[str, Any] = {
        "model": model,
        "split": split,
        "kind": kind,
        "n": y.size,
        "n_pos": point.tp + point.fn,
        "n_neg": point.fp + point.tn,
        "threshold": threshold,
        "f1": point.f1,
        "brier": float(np.mean((probability - y) ** 2)),
        **{cell: getattr(point, cell) for cell in ("tp", "fp", "tn", "fn")},
        **_auc(model, split, y, probability, confidence),
    }
    for field in fields(point):
        value = getattr(point, field.name)
        if isinstance(value, Proportion):
            row[field.name] = value.estimate
            row[f"{field.name}_low"] = value.low
            row[f"{field.name}_high"] = value.high
    return row


def _auc(
    model: str, split: str, y: Any, probability: Any, confidence: float
) -> dict[str, float | str]:
    if len(np.unique(y)) < 2:
        logger.warning("model %s, %s: one class only, the AUC is left empty", model, split)
        return {"auc": math.nan, "auc_method": "undefined: one class"}
    found = delong.auc_ci(y, probability, confidence=confidence)
    return {
        "auc": found.auc, "auc_low": found.low, "auc_high": found.high, "auc_method": "DeLong"
    }  # fmt: skip
