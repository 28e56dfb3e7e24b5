"""Pooling of views: from features per view to features per case."""

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

from microcalc.config import views
from microcalc.core.errors import StudyError, shown
from microcalc.core.files import read_text_csv
from microcalc.features import columns, shard_features
from microcalc.images import included as included_cases

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

SIDES = ("CC", "MLO")
"""The views that ``concat`` lays side by side."""

COARSE = 0.01
"""The largest error of rounding to single precision, in SDs of a column."""

SAME = 1e-12
"""The spread, relative to its largest value, of a column that is constant."""


def cases(paths: Sequence[str | os.PathLike[str]], name: str, *, how: str) -> pd.DataFrame:
    """Return one row per case: the features of its views, pooled.

    Parameters
    ----------
    paths
        The features files of all shards.
    name
        The set's, with which its columns begin.
    how
        ``mean`` or ``max`` over all images of the case, each counting once whichever view it
        is; or ``concat``: the mean over its CC images, then the mean over its MLO images,
        whatever their modifiers. Where a case has no image of one of the two, the mean over all
        its others stands in; beside images of both, those of another projection have no part.

    Returns
    -------
    DataFrame
        case_id, n_views, with ``concat`` stand_in (CC or MLO where that view is missing, else
        empty), then the set's columns (float32): deep_0000, ..., with ``concat`` deep_CC_0000, ...;
        sorted by case_id.

    Raises
    ------
    StudyError
        When the shards were computed under different circumstances (some on a GPU, say), so
        that differences between cases would in part be differences between machines.
    """
    pooled, circumstances = [], []
    for path in paths:  # a case's images share a shard, so that one shard at a time is enough
        images, shared = shard_features.read(path)
        if len(images):
            pooled.append(_pooled(images, name, how))
            circumstances.append(shared)
    if not pooled:
        raise StudyError(f"no shard holds a usable image, so there are no {name} features to pool")
    _check_same(circumstances, name)
    return pd.concat(pooled, ignore_index=True).sort_values("case_id", ignore_index=True)


def _pooled(images: pd.DataFrame, name: str, how: str) -> pd.DataFrame:
    """Return `cases` of one shard's table."""
    images = images.sort_values("image_id", kind="stable")
    case_ids, place = np.unique(images["case_id"].to_numpy(dtype=str), return_inverse=True)
    features = images.drop(columns=shard_features.ID_COLUMNS)
    values, names = features.to_numpy(dtype=np.float64), list(features.columns)
    counts: dict[str, npt.NDArray[Any]] = {"n_views": np.bincount(place)}
    if how == "concat":
        pooled, stand_in = _side_by_side(values, place, images["view"].to_numpy(dtype=str))
        names = [f"{view}_{column}" for view in SIDES for column in names]
        counts["stand_in"] = stand_in
    else:
        pooled = {"mean": _mean, "max": _maximum}[how](values, place, len(case_ids))
    return pd.concat(
        [
            pd.DataFrame({"case_id": case_ids, **counts}),
            pd.DataFrame(pooled.astype(np.float32), columns=columns.of_set(name, names)),
        ],
        axis=1,
    )


def _mean(values: Floats, place: Places, n: int) -> Floats:
    total = np.zeros((n, values.shape[1]))
    np.add.at(total, place, values)
    with np.errstate(invalid="ignore"):
        result: Floats = total / np.bincount(place, minlength=n)[:, None]
    return result


def _maximum(values: Floats, place: Places, n: int) -> Floats:
    most = np.full((n, values.shape[1]), -np.inf)
    np.maximum.at(most, place, values)
    return most


def _side_by_side(
    values: Floats, place: Places, view: npt.NDArray[np.str_]
) -> tuple[Floats, npt.NDArray[np.str_]]:
    """Return both views' features, shape (n, 2 d), and which view is missing per case."""
    n = int(place.max()) + 1
    projected = np.array([views.projection(str(one)) for one in view])
    halves, stand_in = [], np.full(n, "", dtype="<U3")
    for name in SIDES:
        of_view = projected == name
        half = _mean(values[of_view], place[of_view], n)
        missing = np.bincount(place[of_view], minlength=n) == 0
        if missing.any():
            log.info("%d cases have no %s view: their other views stand in", missing.sum(), name)
            half[missing] = _mean(values, place, n)[missing]
        # A case of neither view has both halves from what it has.
        stand_in[missing & (stand_in == "")] = name
        halves.append(half)
    return np.hstack(halves), stand_in


def copies(
    paths: Sequence[str | os.PathLike[str]], name: str, *, n_copies: int, how: str
) -> pd.DataFrame:
    """Return one row per case and perturbed copy.

    Parameters
    ----------
    paths
        The features files of all shards of the first copy, then of the second, and so on.
    n_copies
        How many copies there are.
    name, how
        As in `cases`.

    Returns
    -------
    DataFrame
        copy (from 0), then the columns of `cases`.

    Raises
    ------
    StudyError
        As `cases` does.
    """
    each = len(paths) // n_copies
    tables = [cases(paths[i * each : (i + 1) * each], name, how=how) for i in range(n_copies)]
    pooled = pd.concat(tables, keys=range(n_copies), names=["copy", None])
    return pooled.reset_index(level="copy").reset_index(drop=True)


def of_readers(
    reader_paths: Sequence[str | os.PathLike[str]],
    own_paths: Sequence[str | os.PathLike[str]],
    name: str,
    *,
    readers: Sequence[str],
    how: str,
) -> pd.DataFrame:
    """Return one row per case and reader, where that reader drew in every image of the case.

    Parameters
    ----------
    reader_paths
        The features files of all shards of the first of `readers`, then of the second, and so on.
    own_paths
        Those of the study's own regions: which images a case has.
    readers
        Their names in the images table.
    name, how
        As in `cases`.

    Returns
    -------
    DataFrame
        copy (from 0, in the order of `readers`), then the columns of `cases`.

    Raises
    ------
    StudyError
        Naming a reader of no case.
    """
    whole = _images_of(own_paths)
    each = len(reader_paths) // len(readers)
    tables = []
    for number, reader in enumerate(readers):
        paths = reader_paths[number * each : (number + 1) * each]
        drawn = [case for case, images in _images_of(paths).items() if images == whole.get(case)]
        if not drawn:
            raise StudyError(
                f"features.{name}.stability.readers: {reader} drew the regions of no case in all "
                "its usable images; correct column reader of the images table or the config"
            )
        log.info("reader %s: %d of %d cases drawn", reader, len(drawn), len(whole))
        table = cases(paths, name, how=how)
        table = table[table["case_id"].isin(drawn)]
        tables.append(table.assign(copy=number)[["copy", *table.columns]])
    return pd.concat(tables, ignore_index=True)


def _images_of(paths: Sequence[str | os.PathLike[str]]) -> dict[str, frozenset[str]]:
    """Return the usable images of every case."""
    read = [shard_features.read(path)[0][["case_id", "image_id"]] for path in paths]
    return {
        str(case_id): frozenset(ids)
        for case_id, ids in pd.concat(read).groupby("case_id")["image_id"]
    }


def write(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table of cases as parquet, the same bytes for the same rows.

    Parameters
    ----------
    table
        Of cases: case_id and columns.
    path
        The file, replaced as a whole.
    """
    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    shard_features.write_parquet(arrow, path)


def given(
    table: pd.DataFrame,
    name: str,
    included_path: str | os.PathLike[str],
    qc_paths: Sequence[str | os.PathLike[str]] = (),
    *,
    how: str = "mean",
) -> pd.DataFrame:
    """Return the columns of a set that were computed elsewhere as those of any other set.

    Parameters
    ----------
    table
        case_id, or image_id where rows are of images, and the set's columns: numbers, or text
        that says some.
    name
        The set's, with which its columns will begin.
    included_path
        `images/included.csv`: whose columns are asked for, whoever else has a row.
    qc_paths
        `images/qc.csv` where rows are of images: which of them are usable, and their views.
    how
        As in `cases`, of images.

    Returns
    -------
    DataFrame
        case_id, of images what else `cases` returns, and the columns (float32) of the included
        cases, sorted by case_id.

    Raises
    ------
    StudyError
        When there is no such column, an included case or one of its usable images has no row or
        two, or a value is no finite number, or none that single precision can hold.
    """
    per = "image" if qc_paths else "case"
    key = f"{per}_id"
    features = table.columns.drop(key, errors="ignore")
    if key not in table or features.empty:
        raise StudyError(
            f"features.{name}: expected column {key} and at least one more in its table; there "
            f"are {', '.join(map(str, table.columns)) or 'none'}"
        )
    wanted = included_cases.read(included_path)[["case_id"]]
    if qc_paths:
        wanted = _usable(qc_paths[0], wanted["case_id"])
    rows = table[table[key].isin(wanted[key])].sort_values(key, ignore_index=True)
    log.info("%d rows are of no %s that goes on", len(table) - len(rows), per)
    twice = sorted(rows.loc[rows[key].duplicated(), key].unique())
    if twice:
        raise StudyError.listing(
            f"features.{name}: expected one row per {per}; twice there:", twice
        )
    absent = sorted(set(wanted[key]) - set(rows[key]))
    if absent:
        raise StudyError.listing(
            f"features.{name}: its table has no row of these included {per}s; add them, or exclude "
            "the cases from the study",
            absent,
        )
    values = _numbers(rows, list(features), name, per)
    if not qc_paths:
        made = values.astype(np.float32)
        named = pd.DataFrame(made, columns=columns.of_set(name, list(features)))
        return pd.concat([rows[["case_id"]], named], axis=1)
    ids = wanted.set_index("image_id").loc[rows["image_id"]].reset_index().assign(key="")
    pooled = _pooled(pd.concat([ids, pd.DataFrame(values, columns=features)], axis=1), name, how)
    return pooled.sort_values("case_id", ignore_index=True)


def _usable(qc_path: str | os.PathLike[str], case_ids: "pd.Series[str]") -> pd.DataFrame:
    """Return image_id, case_id and view of the usable images of some cases."""
    qc = read_text_csv(qc_path)
    kept = qc[(qc["status"] == "ok") & qc["case_id"].isin(case_ids)]
    return kept[["image_id", "case_id", "view"]].fillna("")


def _numbers(rows: pd.DataFrame, features: Sequence[str], name: str, per: str) -> Floats:
    """Return columns as numbers, each of which single precision can hold."""
    cells = rows[features].apply(pd.to_numeric, errors="coerce")
    numbers: Floats = cells.to_numpy(dtype=np.float64)
    with np.errstate(over="ignore", under="ignore"):
        single = numbers.astype(np.float32).astype(np.float64)
    wrong = [
        f"{per} {rows[f'{per}_id'][i]}, column {features[j]}: {shown(rows[features[j]][i])}"
        for i, j in np.argwhere(~np.isfinite(single)).tolist()
    ]
    if wrong:
        raise StudyError.listing(f"features.{name}: expected finite numbers; found", wrong)
    spread = numbers.std(axis=0)
    # What differs in the last digits of a double alone was computed twice and is the same.
    varies = spread > SAME * np.abs(numbers).max(axis=0)
    coarse = varies & (np.abs(single - numbers).max(axis=0) > COARSE * spread)
    if coarse.any():
        raise StudyError.listing(
            f"features.{name}: single precision, in which features are kept, cannot tell the "
            "values of these columns apart; subtract what all have in common, or choose another "
            "unit",
            [
                f"column {features[j]}: {numbers[:, j].min():.17g} to {numbers[:, j].max():.17g}"
                for j in np.flatnonzero(coarse).tolist()
            ],
        )
    return numbers


def _check_same(circumstances: Sequence[Mapping[str, Any]], name: str) -> None:
    different = sorted({str(entry) for entry in circumstances})
    if len(different) > 1:
        raise StudyError.listing(
            f"the shards' {name} features were measured under different circumstances; use one "
            f"environment, for a network one device (features.{name}.device: auto takes what each "
            "machine has), and run again with --forcerun measure_images extract_features",
            different,
        )
