"""The training cases' features as arrays, the only thing that selection ever sees."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from microcalc.core.errors import StudyError
from microcalc.core.files import read_parquet
from microcalc.images import included

FEATURE_PREFIX = "deep_"


@dataclass(frozen=True)
class Training:
    """n training cases with p features, in the order of their case_id.

    Attributes
    ----------
    case_ids, patients
        Shape (n,), text.
    y
        0 or 1, shape (n,).
    X
        Shape (n, p), float64.
    feature_names
        The p names.
    """

    case_ids: NDArray[np.str_]
    patients: NDArray[np.str_]
    y: NDArray[np.int64]
    X: NDArray[np.float64]
    feature_names: tuple[str, ...]


def training_cases(included: pd.DataFrame, features: pd.DataFrame) -> Training:
    """Return the cases of split `train` with their features.

    Parameters
    ----------
    included
        case_id, patient_id, split, y of the included cases.
    features
        case_id and one column per feature.

    Raises
    ------
    StudyError
        When a training case has no features, or training has fewer than two patients of a class.
    """
    train = included[included["split"] == "train"].sort_values("case_id")
    y = train["y"].to_numpy(dtype=np.int64)
    patients = train["patient_id"].to_numpy(dtype=str)
    counts = [len(set(patients[y == label])) for label in (0, 1)]
    if min(counts) < 2:
        raise StudyError(
            f"the training split holds {counts[1]} positive and {counts[0]} negative patients; "
            "cross-validation needs at least two of each"
        )
    names = feature_names(features)
    return Training(
        train["case_id"].to_numpy(dtype=str),
        patients,
        y,
        feature_matrix(features, train["case_id"], names),
        names,
    )


def feature_names(features: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the deep features among a table's columns."""
    return tuple(name for name in features.columns if name.startswith(FEATURE_PREFIX))


def feature_copies(
    redrawn: pd.DataFrame, case_ids: Iterable[str], names: tuple[str, ...]
) -> NDArray[np.float64]:
    """Return the features from regions drawn otherwise, shape (m, n, p).

    Parameters
    ----------
    redrawn
        case_id, copy (any numbering) and features.
    case_ids, names
        Which cases and features, in which order; NaN where a copy lacks the case.

    Raises
    ------
    StudyError
        When a copy lacks a feature.
    """
    cases = np.array(list(case_ids), dtype=str)
    copies = []
    for _, rows in redrawn.groupby("copy", sort=True):
        known = np.isin(cases, rows["case_id"].to_numpy(dtype=str))
        values = np.full((len(cases), len(names)), np.nan)
        values[known] = feature_matrix(rows, cases[known], names)
        copies.append(values)
    return np.stack(copies)


def read(
    included_path: str | os.PathLike[str],
    features_path: str | os.PathLike[str],
    redrawn_paths: Sequence[str | os.PathLike[str]],
) -> tuple[pd.DataFrame, pd.DataFrame, list[pd.DataFrame]]:
    """Return the included cases, their features, and those from regions drawn otherwise.

    The last are one table per file: perturbed at random, or by other readers.
    """
    redrawn = [read_parquet(path) for path in redrawn_paths]
    return included.read(included_path), read_parquet(features_path), redrawn


def feature_matrix(
    features: pd.DataFrame, case_ids: Iterable[str], names: tuple[str, ...]
) -> NDArray[np.float64]:
    """Return the named features of the named cases, shape (n, p), in that order.

    Raises
    ------
    StudyError
        When the table lacks a case or a feature, or holds a case twice.
    """
    absent = [name for name in names if name not in features.columns]
    if absent:
        raise StudyError(
            f"the feature table has no column {absent[0]!r} (and {len(absent) - 1} more are "
            "missing); it comes from another backbone than the model: extract the features again"
        )
    table = features[["case_id", *names]].set_index("case_id")
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()][0]
        raise StudyError(f"case {twice} stands twice in the feature table; expected one row each")
    cases = list(case_ids)
    missing = sorted(set(cases) - set(table.index))
    if missing:
        raise StudyError.listing(
            "included cases without a row in the feature table:", [f"case {i}" for i in missing]
        )
    return table.loc[cases].to_numpy(dtype=float)
