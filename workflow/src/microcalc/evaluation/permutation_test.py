"""Permutation test of the whole chain: `permutation.csv`, the AUC against permuted labels."""

from typing import Any

import numpy as np
import pandas as pd

from microcalc.evaluation.replicates import by_model_and_set, failed, sample_sd
from microcalc.statistics.proportions import wilson

COLUMNS = (
    "model", "split", "n_pos", "n_neg", "permutations", "failed", "auc",
    "null_mean", "null_sd", "null_p95", "p", "p_low", "p_high", "method",
)  # fmt: skip


def table(rows: pd.DataFrame, measured: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """Return the permutation test of each model's AUC, with `COLUMNS`.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    measured
        The permutation's replicates, `replicates.COLUMNS`.
    confidence
        Coverage of the interval of p, which is itself estimated from so many permutations.

    Returns
    -------
    pandas.DataFrame
        With `COLUMNS`; p = (1 + permutations that do as well) / (1 + permutations).

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`).

    References
    ----------
    Phipson and Smyth, Stat Appl Genet Mol Biol 2010; 9: 39.
    """
    found: list[dict[str, Any]] = []
    for model, split, own, observed in by_model_and_set(rows, measured):
        auc = own["auc"].to_numpy()
        as_well = int(np.sum(auc >= observed["auc"]))
        share = wilson(as_well, auc.size, confidence=confidence)
        found.append(
            {
                "model": model, "split": split, **observed, "permutations": auc.size,
                "failed": failed(measured), "null_mean": float(auc.mean()),
                "null_sd": sample_sd(auc), "null_p95": float(np.quantile(auc, 0.95)),
                "p": (1 + as_well) / (1 + auc.size), "p_low": share.low, "p_high": share.high,
                "method": "labels permuted within center and split, whole chain refitted",
            }
        )  # fmt: skip
    return pd.DataFrame(found, columns=list(COLUMNS))
