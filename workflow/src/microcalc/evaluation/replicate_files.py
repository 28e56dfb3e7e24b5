"""The files of replicates, `evaluation/parts/…`, and the tables that summarize them."""

import os
from collections.abc import Iterable, Mapping

import pandas as pd

from microcalc.core.files import read_csv
from microcalc.evaluation import optimism, permutation_test, refit, repeated_splits, replicates
from microcalc.models.frozen import FrozenModel

Paths = Iterable[str | os.PathLike[str]]
_SHOWN = ["replicate", "model", "set", "n_pos", "n_neg", "auc"]


def read(paths: Paths, columns: Iterable[str]) -> pd.DataFrame:
    """Return the rows of all these parts in the order of replicates.

    Parameters
    ----------
    paths
        Files of one design, in any order.
    columns
        Those of the table where there is no row, so that it can be read all the same.

    Returns
    -------
    pandas.DataFrame
        Without parts, or with empty ones alone, no row.

    Raises
    ------
    StudyError
        When a file is damaged.
    """
    tables = [read_csv(path) for path in paths]
    filled = [table for table in tables if len(table)]
    if not filled:
        return pd.DataFrame(columns=list(columns))
    joined = pd.concat(filled, ignore_index=True)
    return joined.sort_values("replicate", kind="stable", ignore_index=True)


def summarize(
    rows: pd.DataFrame,
    models: Mapping[str, FrozenModel],
    measured: Mapping[str, Paths],
    selected: Mapping[str, Paths],
    *,
    confidence: float,
) -> dict[str, pd.DataFrame]:
    """Return the tables made of all replicates; one whose design is off has no row.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    models
        The frozen models, which say what the study itself selected.
    measured, selected
        The parts of each design by its name (`replicates.DESIGNS`).
    confidence
        Coverage of the intervals.

    Returns
    -------
    dict
        optimism, selection_frequency, split_lottery, split_lottery_replicates, permutation,
        permutation_replicates.

    Raises
    ------
    StudyError
        When a file is damaged, or the predictions cannot be evaluated (`predictions.check`).
    """
    found = {name: read(measured[name], replicates.COLUMNS) for name in replicates.DESIGNS}
    chosen = {name: read(selected[name], replicates.SELECTED_COLUMNS) for name in found}
    final = in_final(models)
    often = [
        optimism.frequencies(name, found[name], chosen[name], final, confidence=confidence)
        for name in ("bootstrap", "split_lottery")
    ]
    filled = [table for table in often if len(table)]
    return {
        "optimism": optimism.table(rows, found["bootstrap"], confidence=confidence),
        "selection_frequency": pd.concat(filled, ignore_index=True) if filled else often[0],
        "split_lottery": repeated_splits.table(rows, found["split_lottery"], confidence=confidence),
        "split_lottery_replicates": found["split_lottery"][_SHOWN],
        "permutation": permutation_test.table(rows, found["permutation"], confidence=confidence),
        "permutation_replicates": found["permutation"][_SHOWN],
    }


def in_final(models: Mapping[str, FrozenModel]) -> set[tuple[str, str]]:
    """Return what the frozen models use.

    Parameters
    ----------
    models
        The frozen models by name.

    Returns
    -------
    set of (str, str)
        (kind, name) of features and clinical variables, as `refit.Refit.selected` has them.
    """
    found = set()
    for model in models.values():
        found |= {
            (refit.feature_kind(score["name"], score["tables"]), feature["name"])
            for score in model["scores"]
            for feature in score["features"]
        }
        found |= {
            ("clinical variable", str(term["variable"]))
            for term in model["terms"]
            if term["kind"] != "score"
        }
    return found
