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

    Returns
    -------
    Training
        Ids, classes and an array of n training cases and p features.

    Raises
    ------
    StudyError
        When a training case has no features, or training has fewer than two patients of a class.

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.selection import training
    >>> ids = ["a", "b", "c", "d", "e"]
    >>> cases = {"case_id": ids, "patient_id": ids, "split": ["train"] * 4 + ["internal"]}
    >>> features = pd.DataFrame({"case_id": ids, "deep_0000": [1.0, 2.0, 3.0, 4.0, 5.0]})
    >>> found = training.training_cases(pd.DataFrame(cases | {"y": [0, 0, 1, 1, 1]}), features)
    >>> found.case_ids.tolist(), found.X.ravel()
    (['a', 'b', 'c', 'd'], array([1., 2., 3., 4.]))
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
    """Return the names of the deep features among a table's columns.

    Parameters
    ----------
    features
        case_id and one column per feature, others beside them.

    Returns
    -------
    tuple of str
        In the table's order.

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.selection import training
    >>> training.feature_names(pd.DataFrame(columns=["case_id", "n_views", "deep_0000"]))
    ('deep_0000',)
    """
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

    Returns
    -------
    numpy.ndarray
        Float64, shape (m, n, p).

    Raises
    ------
    StudyError
        When a copy lacks a feature.

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.selection import training
    >>> redrawn = {"case_id": ["a", "b", "a"], "copy": [0, 0, 1], "deep_0000": [1.0, 2.0, 1.5]}
    >>> training.feature_copies(pd.DataFrame(redrawn), ["a", "b"], ("deep_0000",))[:, :, 0]
    array([[1. , 2. ],
           [1.5, nan]])
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

    Parameters
    ----------
    included_path
        `images/included.csv`.
    features_path
        `features/features.parquet`.
    redrawn_paths
        Tables of features from regions drawn otherwise: perturbed at random, or by other readers.

    Returns
    -------
    included, features, redrawn
        The last one table per file.

    Raises
    ------
    StudyError
        When a file is damaged.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from microcalc.selection import training
    >>> table = pd.DataFrame({"case_id": ["a"], "status": ["included"], "deep_0000": [1.5]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = f"{folder}/included.csv", f"{folder}/features.parquet"
    ...     table.to_csv(paths[0], index=False)
    ...     table.to_parquet(paths[1])
    ...     included, features, redrawn = training.read(*paths, [])
    >>> included["case_id"].tolist(), features["deep_0000"].tolist(), redrawn
    (['a'], [1.5], [])
    """
    redrawn = [read_parquet(path) for path in redrawn_paths]
    return included.read(included_path), read_parquet(features_path), redrawn


def feature_matrix(
    features: pd.DataFrame, case_ids: Iterable[str], names: tuple[str, ...]
) -> NDArray[np.float64]:
    """Return the named features of the named cases, in that order.

    Parameters
    ----------
    features
        case_id and one column per feature.
    case_ids, names
        Which n cases and p features.

    Returns
    -------
    numpy.ndarray
        Float64, shape (n, p).

    Raises
    ------
    StudyError
        When the table lacks a case or a feature, or holds a case twice.

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.selection import training
    >>> features = pd.DataFrame({"case_id": ["a", "b"], "deep_0000": [1.0, 2.0]})
    >>> training.feature_matrix(features, ["b", "a"], ("deep_0000",))
    array([[2.],
           [1.]])
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
