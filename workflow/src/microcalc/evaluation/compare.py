"""DeLong's test: `delong.csv`, the declared pairs of models compared on each set."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from microcalc.core.errors import StudyError
from microcalc.evaluation import predictions
from microcalc.statistics import clustered, constant_ranks, delong, resampling
from microcalc.statistics.constant_ranks import Alike
from microcalc.statistics.delong import PairedComparison
from microcalc.statistics.multiplicity import holm

COLUMNS = (
    "split", "kind", "model_a", "model_b", "n_pos", "n_neg", "auc_a", "auc_b",
    "delta", "delta_low", "delta_high", "z", "p", "p_holm", "method",
)  # fmt: skip
# Nested models need not be told from others: no test that takes the models as given holds where
# they were fitted, and of nested ones the larger is ahead by construction (Demler, Pencina and
# D'Agostino, Stat Med 2012; 31: 2577).
NOT_TESTED = "not tested: the models were fitted on these cases"


@dataclass(frozen=True)
class PairTest:
    """Two models' AUCs on the same cases, and how they were compared.

    Attributes
    ----------
    comparison
        None where the cases are of one class.
    method
        Its name, or why there is no test.
    alike
        What every pair of cases shows, where that is the same and so there is no variance.
    """

    comparison: PairedComparison | None
    method: str
    alike: Alike | None = None


def table(
    rows: pd.DataFrame, comparisons: Sequence[Sequence[str]], *, confidence: float
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
        Paired on the cases that have both predictions. Where these are of one class the AUCs are
        missing; where no variance can be estimated, the test is; `method` says so. Apparent
        predictions are of cases that the models were fitted on, where no test of this kind holds
        (Demler, Pencina and D'Agostino, Stat Med 2012; 31: 2577): the difference stands alone.
        A comparison without a test does not count in Holm's family.

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`), a pair names a model without
        predictions, or two models disagree on a case's y.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Biometrics 1988; 44: 837; where a patient has more than one
    case Obuchowski, Biometrics 1997; 53: 567; Holm, Scand J Stat 1979; 6: 65.
    """
    predictions.check(rows)
    check_pairs(rows, comparisons)
    families = []
    for split, kind, of_set in predictions.sets(rows):
        family = pd.DataFrame(
            [_row(split, kind, of_set, a, b, confidence) for a, b in comparisons],
            columns=list(COLUMNS),
        )
        family = without_tests(family, "delta_low", "delta_high", "z", "p")
        family["p_holm"] = holm(family["p"].to_numpy(dtype=float))
        families.append(family)
    if not families:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(families, ignore_index=True)


def without_tests(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return a table of comparisons without the tests of its apparent rows.

    Parameters
    ----------
    table
        With `kind` and `method`, and the columns that are named.
    columns
        Columns of intervals, statistics and p values.

    Returns
    -------
    pandas.DataFrame
        In the apparent rows these columns are missing and `method` is `NOT_TESTED`; the others are
        as they were.

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.evaluation import compare
    >>> rows = {"kind": ["apparent", "held_out"], "method": ["DeLong", "DeLong"], "p": [0.01, 0.2]}
    >>> compare.without_tests(pd.DataFrame(rows), "p")["p"].tolist()
    [nan, 0.2]
    """
    fitted_here = table["kind"] == "apparent"
    emptied = {name: table[name].mask(fitted_here) for name in columns}
    return table.assign(**emptied, method=table["method"].mask(fitted_here, NOT_TESTED))


def check_pairs(rows: pd.DataFrame, comparisons: Sequence[Sequence[str]]) -> None:
    """Return nothing when every pair names two models that have predictions.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    comparisons
        Pairs (A, B) of model names.

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
    """Return the cases both models have predicted, one row each.

    Parameters
    ----------
    of_set
        The predictions of one split and kind, in which a model predicts no case twice.
    a, b
        Names of the models.

    Returns
    -------
    pandas.DataFrame
        case_id, patient_id, y, and the probabilities of the two as `a` and `b`; by case_id.

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


def pair_test(both: pd.DataFrame, *, confidence: float) -> PairTest:
    """Return DeLong's test of two models, or Obuchowski's where a patient has several cases.

    Parameters
    ----------
    both
        From `paired`.
    confidence
        Coverage of the interval of the difference of AUCs, a fraction.

    Returns
    -------
    PairTest
        Without a comparison when the cases are of one class. Where all pairs of cases differ alike,
        as of two perfect models or of a perfect and a constant one, interval and p value are exact
        (`constant_ranks`); where no variance can be estimated, there is neither.

    Raises
    ------
    StudyError
        When `confidence` is not between 0 and 1.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Biometrics 1988; 44: 837; Obuchowski, Biometrics 1997; 53:
    567.
    """
    y, a, b = both["y"].to_numpy(), both["a"].to_numpy(), both["b"].to_numpy()
    patients = both["patient_id"].to_numpy()
    if len(np.unique(y)) < 2:
        return PairTest(None, "undefined: one class")
    if resampling.has_clusters(patients):
        found = clustered.compare_paired(y, a, b, patients, confidence=confidence)
        method = "Obuchowski, paired, clustered"
    else:
        found, method = delong.compare_paired(y, a, b, confidence=confidence), "DeLong, paired"
    if found.variance > 0:
        return PairTest(found, method)
    alike = constant_ranks.alike(y, a, b, patients)
    if alike is None:
        nan = math.nan
        empty = replace(found, variance=nan, low=nan, high=nan, z=nan, p_value=nan)
        return PairTest(empty, "undetermined: no variance of the difference can be estimated")
    low, high = alike.interval(confidence=confidence)
    p = min(1.0, 2 * min(alike.p_above(0), alike.p_below(0)))
    z = math.nan if alike.value else 0.0
    exact = replace(found, low=low, high=high, z=z, p_value=p)
    return PairTest(exact, f"exact, {alike.pairs} disjoint pairs of cases, all alike", alike)


def _row(
    split: str, kind: str, of_set: pd.DataFrame, a: str, b: str, confidence: float
) -> dict[str, Any]:
    both = paired(of_set, a, b)
    n_pos = int(both["y"].sum())
    found = pair_test(both, confidence=confidence)
    test = found.comparison
    row: dict[str, Any] = {
        "split": split, "kind": kind, "model_a": a, "model_b": b,
        "n_pos": n_pos, "n_neg": len(both) - n_pos, "p": math.nan, "method": found.method,
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
