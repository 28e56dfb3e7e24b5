"""Repeated random splits: `split_lottery.csv`, the AUC over other divisions of the patients."""

from typing import Any

import numpy as np
import pandas as pd

from microcalc.evaluation.replicates import by_model_and_set, failed, sample_sd
from microcalc.statistics.proportions import wilson

COLUMNS = (
    "model", "split", "splits", "failed", "mean", "sd", "minimum", "p2_5", "median", "p97_5",
    "maximum", "study_auc", "study_rank", "study_rank_low", "study_rank_high", "method",
)  # fmt: skip
QUANTILES = {"p2_5": 0.025, "median": 0.5, "p97_5": 0.975}


def table(rows: pd.DataFrame, measured: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """Return the distribution of the internal AUC over random splits of the development cases.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    measured
        The split lottery's replicates, `replicates.COLUMNS`.
    confidence
        Coverage of Wilson's interval of the rank.

    Returns
    -------
    pandas.DataFrame
        With `COLUMNS`; `study_rank` is the share of splits with a lower AUC than the
        study's own split.

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`).
    """
    found: list[dict[str, Any]] = []
    for model, split, own, observed in by_model_and_set(rows, measured):
        auc = own["auc"].to_numpy()
        rank = wilson(int(np.sum(auc < observed["auc"])), auc.size, confidence=confidence)
        found.append(
            {
                "model": model, "split": split, "splits": auc.size, "failed": failed(measured),
                "mean": float(auc.mean()), "sd": sample_sd(auc), "minimum": float(auc.min()),
                **{name: float(np.quantile(auc, at)) for name, at in QUANTILES.items()},
                "maximum": float(auc.max()), "study_auc": observed["auc"],
                "study_rank": rank.estimate, "study_rank_low": rank.low,
                "study_rank_high": rank.high,
                "method": "patients split anew by hash, whole chain refitted",
            }
        )  # fmt: skip
    return pd.DataFrame(found, columns=list(COLUMNS))
