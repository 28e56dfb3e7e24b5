"""The training cases' features as arrays, the only thing that selection ever sees."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from microcalc.core.errors import StudyError
from microcalc.core.files import read_parquet
from microcalc.features.columns import feature_names
from microcalc.images import included
from microcalc.selection.chain import Redrawn


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
    names = feature_names(features.columns)
    return Training(
        train["case_id"].to_numpy(dtype=str),
        patients,
        y,
        feature_matrix(features, train["case_id"], names),
        names,
    )


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


def redrawn_features(
    redrawn: Sequence[pd.DataFrame],
    least_iccs: Sequence[float],
    case_ids: Iterable[str],
    names: Sequence[str],
) -> list[Redrawn]:
    """Return the features from regions drawn otherwise, and which of all features they are.

    Parameters
    ----------
    redrawn
        Tables as for `feature_copies`, each of the features of one set.
    least_iccs
        The least stability that each is asked for.
    case_ids, names
        Which cases, and the names of all features.

    Returns
    -------
    list of Redrawn
        One for each table.

    Raises
    ------
    StudyError
        When a table holds a feature that is none of `names`, or lacks one of its set.

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.selection import training
    >>> table = pd.DataFrame({"case_id": ["a"], "copy": [0], "deep_0000": [1.0]})
    >>> names = ["around_0000", "deep_0000"]
    >>> found = training.redrawn_features([table], [0.75], ["a", "b"], names)
    >>> found[0].columns, found[0].values[0, :, 0]
    (array([1]), array([ 1., nan]))
    """
    cases, place = list(case_ids), {name: j for j, name in enumerate(names)}
    found = []
    for table, least in zip(redrawn, least_iccs, strict=True):
        own = feature_names(table.columns)
        unknown = [name for name in own if name not in place]
        if unknown:
            raise StudyError(
                f"a table of features from regions drawn otherwise has the column {unknown[0]!r}, "
                "which the features themselves do not have; extract both again"
            )
        columns = np.array([place[name] for name in own], dtype=np.int64)
        found.append(Redrawn(feature_copies(table, cases, own), columns, least))
    return found


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the features of several sets side by side.

    Parameters
    ----------
    tables
        case_id and the features of a set, each.

    Returns
    -------
    pandas.DataFrame
        One table as it is; of several, case_id and the features of the cases that all have.

    Raises
    ------
    StudyError
        When two sets have a column of the same name.

    Examples
    --------
    >>> import pandas as pd
    >>> from microcalc.selection import training
    >>> deep = pd.DataFrame({"case_id": ["a", "b"], "n_views": 2, "deep_0000": [1.0, 2.0]})
    >>> around = pd.DataFrame({"case_id": ["b", "a"], "around_0000": [3.0, 4.0]})
    >>> training.joined([deep, around])["around_0000"].tolist()
    [4.0, 3.0]
    """
    first, *others = tables
    if not others:
        return first
    whole = first[["case_id", *feature_names(first.columns)]]
    for table in others:
        own = feature_names(table.columns)
        both = sorted(set(own).intersection(whole.columns))
        if both:
            raise StudyError(
                f"two sets of features have a column {both[0]!r}; give one of the sets another "
                "name in the config"
            )
        whole = whole.merge(table[["case_id", *own]], on="case_id", validate="1:1")
    return whole


def read(
    included_path: str | os.PathLike[str],
    features_paths: Sequence[str | os.PathLike[str]],
    redrawn_paths: Sequence[str | os.PathLike[str]],
) -> tuple[pd.DataFrame, pd.DataFrame, list[pd.DataFrame]]:
    """Return the included cases, their features, and those from regions drawn otherwise.

    Parameters
    ----------
    included_path
        `images/included.csv`.
    features_paths
        Tables of features, one for each set.
    redrawn_paths
        Tables of features from regions drawn otherwise: perturbed at random, or by other readers.

    Returns
    -------
    included, features, redrawn
        The features of all sets side by side; the last one table per file.

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
    ...     table[["case_id", "deep_0000"]].to_parquet(paths[1])
    ...     included, features, redrawn = training.read(paths[0], [paths[1]], [])
    >>> included["case_id"].tolist(), features["deep_0000"].tolist(), redrawn
    (['a'], [1.5], [])
    """
    redrawn = [read_parquet(path) for path in redrawn_paths]
    features = joined([read_parquet(path) for path in features_paths])
    return included.read(included_path), features, redrawn


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
            "missing): it comes from another network, or another table of yours, than those of "
            "the training cases"
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
