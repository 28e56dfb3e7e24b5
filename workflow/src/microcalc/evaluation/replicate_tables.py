"""`split_lottery.csv` and `permutation.csv`: what one lucky split, or no signal at all, gives."""

from typing import Any

import numpy as np
import pandas as pd

from microcalc.evaluation import predictions, replicates
from microcalc.statistics.proportions import wilson

LOTTERY_COLUMNS = (
    "model", "split", "splits", "failed", "mean", "sd", "minimum", "p2_5", "median", "p97_5",
    "maximum", "study_auc", "study_rank", "study_rank_low", "study_rank_high", "method",
)  # fmt: skip
PERMUTATION_COLUMNS = (
    "model", "split", "n_pos", "n_neg", "permutations", "failed", "auc",
    "null_mean", "null_sd", "null_p95", "p", "p_low", "p_high", "method",
)  # fmt: skip
QUANTILES = {"p2_5": 0.025, "median": 0.5, "p97_5": 0.975}


def lottery(
    rows: pd.DataFrame, measured: pd.DataFrame, *, confidence: float = 0.95
) -> pd.DataFrame:
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
        With `LOTTERY_COLUMNS`; `study_rank` is the share of splits with a lower AUC than the
        study's own split.
    """
    found: list[dict[str, Any]] = []
    for model, split, own, observed in _groups(rows, measured):
        auc = own["auc"].to_numpy()
        rank = wilson(int(np.sum(auc < observed["auc"])), auc.size, confidence=confidence)
        found.append(
            {
                "model": model, "split": split, "splits": auc.size, "failed": _failed(measured),
                "mean": float(auc.mean()), "sd": _sd(auc), "minimum": float(auc.min()),
                **{name: float(np.quantile(auc, at)) for name, at in QUANTILES.items()},
                "maximum": float(auc.max()), "study_auc": observed["auc"],
                "study_rank": rank.estimate, "study_rank_low": rank.low,
                "study_rank_high": rank.high,
                "method": "patients split anew by hash, whole chain refitted",
            }
        )  # fmt: skip
    return pd.DataFrame(found, columns=list(LOTTERY_COLUMNS))


def permutation(
    rows: pd.DataFrame, measured: pd.DataFrame, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Return the p value of each model's AUC against labels that mean nothing.

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
        With `PERMUTATION_COLUMNS`; p = (1 + permutations that do as well) / (1 + permutations).
    """
    found: list[dict[str, Any]] = []
    for model, split, own, observed in _groups(rows, measured):
        auc = own["auc"].to_numpy()
        as_well = int(np.sum(auc >= observed["auc"]))
        share = wilson(as_well, auc.size, confidence=confidence)
        found.append(
            {
                "model": model, "split": split, **observed, "permutations": auc.size,
                "failed": _failed(measured), "null_mean": float(auc.mean()), "null_sd": _sd(auc),
                "null_p95": float(np.quantile(auc, 0.95)),
                "p": (1 + as_well) / (1 + auc.size), "p_low": share.low, "p_high": share.high,
                "method": "labels permuted within center and split, whole chain refitted",
            }
        )  # fmt: skip
    return pd.DataFrame(found, columns=list(PERMUTATION_COLUMNS))


def _groups(rows: pd.DataFrame, measured: pd.DataFrame) -> Any:
    """Yield (model, split, replicates with an AUC, the study's own n_pos, n_neg, auc)."""
    predictions.check(rows)
    defined = measured[measured["model"].notna() & measured["auc"].notna()]
    for (model, split), own in defined.groupby(["model", "set"], sort=False):
        part = rows[
            (rows["model"] == model) & (rows["split"] == split) & (rows["kind"] == "held_out")
        ]
        y = part["y"].to_numpy()
        sizes = {"n_pos": int(y.sum()), "n_neg": int((y == 0).sum())}
        auc = replicates.measure(y, part["probability"].to_numpy())["auc"]
        yield model, split, own, {**sizes, "auc": auc}


def _failed(measured: pd.DataFrame) -> int:
    return int(measured["model"].isna().sum())


def _sd(values: Any) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
