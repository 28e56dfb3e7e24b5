"""Subgroup analysis: `subgroups.csv`, the AUC in subgroups and the test of interaction."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from microcalc.core.errors import StudyError
from microcalc.evaluation import predictions
from microcalc.statistics import arrays, auc_interval
from microcalc.statistics.delong import Transform

COLUMNS = (
    "split", "kind", "model", "column", "group", "n", "n_pos", "n_neg",
    "auc", "low", "high", "status", "q", "df", "p_interaction", "method",
)  # fmt: skip
MISSING = "missing"


def table(
    rows: pd.DataFrame,
    cases: pd.DataFrame,
    columns: Mapping[str, Sequence[float] | None],
    *,
    min_per_class: int,
    confidence: float,
    transform: Transform,
) -> pd.DataFrame:
    """Return the AUC of each model in each subgroup of each set, with `COLUMNS`.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    cases
        Case table with `case_id` and the columns named in `columns`.
    columns
        Per column of `cases` None, each value a group, or rising cut points of a continuous
        one: groups "< a", "a to < b", "≥ b".
    min_per_class
        A group with fewer cases of either class is shown as "too small", without an AUC.
    confidence, transform
        As for `auc_interval.estimate`.

    Returns
    -------
    pandas.DataFrame
        `status` is "ok", "too small", or "undetermined" where no variance can be estimated.
        `p_interaction`, in each column's first row, tests that the AUC is the same in all groups
        that are "ok" (Cochran's Q on DeLong's variances, for two groups the square of z). It is
        not computed when a patient has cases in two groups, when fewer than two groups can be
        tested, or when a group shows no variance, as one that is separated perfectly; `method`
        says so. A case without a value is in the group "missing", which takes no part in the
        test.

    Raises
    ------
    StudyError
        When the predictions cannot be evaluated (`predictions.check`), a column is absent or has no
        number where there are cut points, these do not rise, or `cases` lacks a case.
    """
    predictions.check(rows)
    grouped = cases.set_index("case_id", verify_integrity=True)
    labels = {name: _groups(grouped, name, cuts) for name, cuts in columns.items()}
    lost = sorted(set(rows["case_id"]) - set(grouped.index))
    if lost:
        raise StudyError(f"case {lost[0]} has a prediction but no row in the table of cases")
    found = []
    for split, kind, of_set in predictions.sets(rows):
        for model, part in of_set.groupby("model", sort=True):
            for column, (order, values) in labels.items():
                group = values.reindex(part["case_id"]).to_numpy()
                common = {"split": split, "kind": kind, "model": model, "column": column}
                block = [
                    common
                    | {"group": name}
                    | _row(part[group == name], min_per_class, confidence, transform)
                    for name in order
                    if (group == name).any()
                ]
                if block:
                    block[0] |= _interaction(block, part, group)
                found += block
    result = pd.DataFrame(found, columns=[*COLUMNS, "variance"])
    return result.drop(columns="variance")


def _groups(
    cases: pd.DataFrame, name: str, cuts: Sequence[float] | None
) -> tuple[list[str], "pd.Series[Any]"]:
    """Return the groups in their order, and the group of each case."""
    column = arrays.column(cases, name)
    if cuts is None:
        values = column.map(str, na_action="ignore").fillna(MISSING)
        return [*sorted(set(values) - {MISSING}), MISSING], values
    limits = [float(cut) for cut in cuts]
    if not limits or any(a >= b for a, b in pairwise(limits)):
        told = ", ".join(f"{cut:g}" for cut in limits) or "none"
        raise StudyError(f"subgroups.{name}: the cut points are {told}; expected rising")
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = numbers.isna() & column.notna()
    if wrong.any():
        case = str(column.index[wrong.to_numpy()][0])
        raise StudyError(f"case {case}: {name} is {column[case]!r}; cut points need a number")
    order = [
        f"< {limits[0]:g}",
        *(f"{a:g} to < {b:g}" for a, b in pairwise(limits)),
        f"≥ {limits[-1]:g}",
    ]
    place = np.searchsorted(limits, numbers.to_numpy(dtype=float), side="right")
    named = np.where(numbers.isna(), MISSING, np.array(order, dtype=object)[place])
    return [*order, MISSING], pd.Series(named, index=cases.index)


def _row(
    part: pd.DataFrame, min_per_class: int, confidence: float, transform: Transform
) -> dict[str, Any]:
    n_pos = int(part["y"].sum())
    row: dict[str, Any] = {"n": len(part), "n_pos": n_pos, "n_neg": len(part) - n_pos}
    if min(n_pos, row["n_neg"]) < max(min_per_class, 2):
        return row | {"status": "too small", "method": "", "variance": math.nan}
    found, method = auc_interval.estimate(
        *(part[name].to_numpy() for name in ("y", "probability", "patient_id")),
        confidence=confidence,
        transform=transform,
    )
    if math.isnan(found.variance):
        return row | {"status": "undetermined", "method": method, "variance": math.nan}
    return row | {
        "auc": found.auc, "low": found.low, "high": found.high, "variance": found.variance,
        "status": "ok", "method": method,
    }  # fmt: skip


def _interaction(block: list[dict[str, Any]], part: pd.DataFrame, group: Any) -> dict[str, Any]:
    tested = [row for row in block if row["status"] == "ok" and row["group"] != MISSING]
    method = str(block[0]["method"])
    if len(tested) < 2:
        return {"method": _and(method, "no test: fewer than two groups")}
    if any(row["variance"] == 0 for row in tested):
        return {"method": _and(method, "no test: a group has no variance")}
    of = pd.Series(group).groupby(part["patient_id"].to_numpy()).nunique()
    if (of > 1).any():
        return {"method": _and(method, "no test: patients with cases in two groups")}
    weights = np.array([1 / row["variance"] for row in tested])
    aucs = np.array([row["auc"] for row in tested])
    mean = (weights * aucs).sum() / weights.sum()
    q = float((weights * (aucs - mean) ** 2).sum())
    df = len(tested) - 1
    return {
        "q": q, "df": df, "p_interaction": float(chdtrc(df, q)),
        "method": _and(method, "Cochran's Q"),
    }  # fmt: skip


def _and(method: str, more: str) -> str:
    return f"{method}; {more}" if method else more
