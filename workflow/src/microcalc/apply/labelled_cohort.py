"""When labels are known: the registered predictions beside them, and beside the development."""

import math
import os
from collections.abc import Sequence
from typing import Any

import pandas as pd
from scipy.special import ndtri

from microcalc.config.evaluation_settings import EvaluationSettings
from microcalc.core.files import read_text_csv
from microcalc.evaluation import predictions
from microcalc.evaluation.cohort_tables import Path
from microcalc.statistics import auc_interval, delong, resampling
from microcalc.statistics.delong import Auc

COLUMNS = (
    "model", "split", "kind", "n_pos", "n_neg", "auc", "development_n_pos", "development_n_neg",
    "development_auc", "delta", "delta_low", "delta_high", "p", "method",
)  # fmt: skip


def join(
    register: pd.DataFrame, included: Path, labels: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the registered predictions of labelled cases, and those cases.

    Parameters
    ----------
    register
        From `register.read`.
    included
        `images/included.csv` of the cohort.
    labels
        case_id, label, y.

    Returns
    -------
    predictions, cases : DataFrame
        `predictions` has the columns of `models/predictions.csv`, split "external" and kind
        "held_out"; `cases` those of `included` with label and y.

    Raises
    ------
    StudyError
        When the table of cases is damaged.
    FileNotFoundError
        When it is not there.
    pandas.errors.MergeError
        When a case stands twice in `included` or `labels`.
    """
    table = read_text_csv(included).fillna("")
    cases = table.merge(labels, on="case_id", validate="1:1")
    kept = cases[cases["status"] == "included"]
    identity = kept[["case_id", "patient_id", "center", "split", "y"]]
    rows = register.merge(identity, on="case_id", validate="m:1").assign(kind="held_out")
    ordered = rows[list(predictions.COLUMNS)].sort_values(["case_id", "model"], ignore_index=True)
    return ordered, cases.sort_values("case_id", ignore_index=True)


def settings_for(cases: pd.DataFrame, settings: EvaluationSettings) -> EvaluationSettings:
    """Return the settings that the cohort can be evaluated by.

    Parameters
    ----------
    cases
        The cohort's cases.
    settings
        The study's `evaluation`.

    Returns
    -------
    EvaluationSettings
        With those subgroups alone whose columns the cases have.
    """
    asked = settings.subgroups
    columns = {name: cuts for name, cuts in asked.columns.items() if name in cases}
    subgroups = asked.model_copy(update={"columns": columns})
    return settings.model_copy(update={"subgroups": subgroups})


def compare(
    rows: pd.DataFrame,
    development: Sequence[str | os.PathLike[str]],
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return each model's AUC here against those of its development, with `COLUMNS`.

    Parameters
    ----------
    rows
        The cohort's labelled predictions.
    development
        `models/predictions.csv` of the study that froze the models; none where it was not kept,
        and the table is then empty.
    confidence
        Coverage of the intervals of the difference.

    Returns
    -------
    pandas.DataFrame
        A row per model and set of the development, out-of-fold scores standing for training;
        delta is the cohort's AUC less the development's. Where one of the two shows no variance,
        as a perfect one, p is missing.
    """
    found: list[dict[str, Any]] = []
    for path in development:
        for split, kind, of_set in predictions.sets(predictions.read(path)):
            if kind != "apparent":
                for model, before in of_set.groupby("model", sort=False):
                    new = rows[rows["model"] == model]
                    row = {"model": model, "split": split, "kind": kind}
                    found.append(row | _unpaired(new, before, confidence))
    return pd.DataFrame(found, columns=list(COLUMNS))


def _unpaired(new: pd.DataFrame, before: pd.DataFrame, confidence: float) -> dict[str, Any]:
    sizes = [[int((part["y"] == y).sum()) for y in (1, 0)] for part in (new, before)]
    row: dict[str, Any] = dict(zip(("n_pos", "n_neg"), sizes[0], strict=True))
    row |= dict(zip(("development_n_pos", "development_n_neg"), sizes[1], strict=True))
    if not all(count for pair in sizes for count in pair):
        return row | {"method": "undefined: one class"}
    here, there = (
        auc_interval.estimate(
            *(part[name].to_numpy() for name in ("y", "probability", "patient_id")),
            confidence=confidence,
        )[0]
        for part in (new, before)
    )
    row |= {"auc": here.auc, "development_auc": there.auc, "delta": here.auc - there.auc}
    if not min(here.variance, there.variance) > 0:
        return row | _without_variance(here, there)
    if any(resampling.has_clusters(part["patient_id"]) for part in (new, before)):
        error = math.sqrt(here.variance + there.variance)
        reach = float(ndtri(0.5 + confidence / 2)) * error
        low, high = row["delta"] - reach, row["delta"] + reach
        p = math.erfc(abs(row["delta"] / error) / math.sqrt(2))
        method = "Obuchowski, unpaired, clustered"
    else:
        pairs = [(part["y"].to_numpy(), part["probability"].to_numpy()) for part in (new, before)]
        test = delong.compare_unpaired(*pairs[0], *pairs[1], confidence=confidence)
        low, high, p, method = test.low, test.high, test.p_value, "DeLong, unpaired"
    return row | {"delta_low": low, "delta_high": high, "p": p, "method": method}


def _without_variance(here: Auc, there: Auc) -> dict[str, Any]:
    """Return an interval made of those of the two AUCs (Zou and Donner, Stat Med 2008; 27: 1693).

    A perfect AUC has an exact interval but no variance to test with.
    """
    delta = here.auc - there.auc
    return {
        "delta_low": delta - math.hypot(here.auc - here.low, there.high - there.auc),
        "delta_high": delta + math.hypot(here.high - here.auc, there.auc - there.low),
        "p": math.nan,
        "method": "undetermined: an AUC shows no variance; interval from those of the two AUCs",
    }
