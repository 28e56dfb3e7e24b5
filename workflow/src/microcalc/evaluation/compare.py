"""`delong.csv`: the declared pairs of models, compared on each set."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from microcalc.errors import StudyError
from microcalc.evaluation import clustered, delong, predictions, resampling
from microcalc.evaluation.delong import PairedComparison
from microcalc.evaluation.multiplicity import holm

COLUMNS = (
    "split", "kind", "model_a", "model_b", "n_pos", "n_neg", "auc_a", "auc_b",
    "delta", "delta_low", "delta_high", "z", "p", "p_holm", "method",
)  # fmt: skip


def table(
    rows: pd.DataFrame, comparisons: Sequence[Sequence[str]], *, confidence: float = 0.95
) -> pd.DataFrame:
    """Return DeLong's paired test of each declared pair on each set, with `COLUMNS`.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    comparisons
        Pairs (A, B) of model names; delta and z are A minus B. Together they are the family
        over which Holm adjusts, within each split and kind.
    confidence
        Coverage of the interval of the difference.

    Returns
    -------
    pandas.DataFrame
        Paired on the cases that have both predictions. Where these are of one class the AUCs,
        and with one case in a class the test, are missing.

    Raises
    ------
    StudyError
        When a pair names a model without predictions, or two models disagree on a case's y.
    """
    predictions.check(rows)
    check_pairs(rows, comparisons)
    families = []
    for split, kind, of_set in predictions.sets(rows):
        family = pd.DataFrame(
            [_row(split, kind, of_set, a, b, confidence) for a, b in comparisons],
            columns=list(COLUMNS),
        )
        family["p_holm"] = holm(family["p"].to_numpy(dtype=float))
        families.append(family)
    if not families:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(families, ignore_index=True)


def check_pairs(rows: pd.DataFrame, comparisons: Sequence[Sequence[str]]) -> None:
    """Return nothing when every pair names two models that have predictions.

    Raises
    ------
    StudyError
        Listing the pairs that do not.
    """
    there = set(rows["model"])
    problems = [
        f"{list(pair)}: no predictions of {name}"
        for pair in comparisons
        for name in pair
        if name not in there
    ]
    problems += [f"{list(pair)}: expected two models" for pair in comparisons if len(pair) != 2]
    if problems:
        raise StudyError.listing("evaluation.comparisons cannot be made", problems)


def paired(of_set: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    """Return the cases both models have predicted: case_id, patient_id, y, a, b, by case_id.

    Raises
    ------
    StudyError
        When the two models disagree on a case's y.
    """
    first, second = (
        of_set.loc[of_set["model"] == name, ["case_id", "patient_id", "y", "probability"]]
        for name in (a, b)
    )
    both = first.merge(second, on="case_id", suffixes=("_a", "_b"), validate="one_to_one")
    both = both.sort_values("case_id", kind="stable", ignore_index=True)
    unlike = both.loc[both["y_a"] != both["y_b"], "case_id"]
    if len(unlike):
        raise StudyError(f"{a} and {b} disagree on the label of case {unlike.iloc[0]}")
    return pd.DataFrame(
        {
            "case_id": both["case_id"],
            "patient_id": both["patient_id_a"],
            "y": both["y_a"],
            "a": both["probability_a"],
            "b": both["probability_b"],
        }
    )


def pair_test(both: pd.DataFrame, *, confidence: float) -> tuple[PairedComparison | None, str]:
    """Return the test of a table of `paired` and the method's name.

    DeLong's test, or Obuchowski's when a patient has more than one case; no test when the cases
    are of one class.
    """
    y, a, b = both["y"].to_numpy(), both["a"].to_numpy(), both["b"].to_numpy()
    if len(np.unique(y)) < 2:
        return None, "undefined: one class"
    if resampling.has_clusters(both["patient_id"]):
        found = clustered.compare_paired(y, a, b, both["patient_id"], confidence=confidence)
        return found, "Obuchowski, paired, clustered"
    return delong.compare_paired(y, a, b, confidence=confidence), "DeLong, paired"


def _row(
    split: str, kind: str, of_set: pd.DataFrame, a: str, b: str, confidence: float
) -> dict[str, Any]:
    both = paired(of_set, a, b)
    n_pos = int(both["y"].sum())
    test, method = pair_test(both, confidence=confidence)
    row: dict[str, Any] = {
        "split": split, "kind": kind, "model_a": a, "model_b": b,
        "n_pos": n_pos, "n_neg": len(both) - n_pos, "p": math.nan, "method": method,
    }  # fmt: skip
    if test is None:
        return row
    return row | {
        "auc_a": test.auc_a,
        "auc_b": test.auc_b,
        "delta": test.delta,
        "delta_low": test.low,
        "delta_high": test.high,
        "z": test.z,
        "p": test.p_value,
    }
