"""From features per view to features per case."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

from microcalc.errors import StudyError
from microcalc.features import shards


def cases(paths: Sequence[str | os.PathLike[str]]) -> pd.DataFrame:
    """Return one row per case: the mean over its views.

    Every image counts once, whichever view it is; a case with one view is that view.

    Parameters
    ----------
    paths
        The features files of all shards.

    Returns
    -------
    DataFrame
        case_id, n_views, deep_0000, ... (float32), sorted by case_id.

    Raises
    ------
    StudyError
        When the shards were computed under different circumstances (some on a GPU, say), so
        that differences between cases would in part be differences between machines.
    """
    read = [shards.read(path) for path in paths]
    used = [(table, circumstances) for table, circumstances in read if len(table)]
    if not used:
        raise StudyError("no shard holds a usable image, so there are no deep features to pool")
    _check_same([circumstances for _, circumstances in used])
    views = pd.concat([table for table, _ in used], ignore_index=True)
    views = views.sort_values("image_id", kind="stable")
    case_ids, place = np.unique(views["case_id"].to_numpy(dtype=str), return_inverse=True)
    values = views.drop(columns=shards.ID_COLUMNS)
    total = np.zeros((len(case_ids), values.shape[1]))
    np.add.at(total, place, values.to_numpy(dtype=np.float64))
    n_views = np.bincount(place)
    pooled = pd.DataFrame((total / n_views[:, None]).astype(np.float32), columns=values.columns)
    pooled.insert(0, "case_id", case_ids)
    pooled.insert(1, "n_views", n_views)
    return pooled


def write(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table of cases as parquet, the same bytes for the same rows."""
    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    shards.write_parquet(arrow, path)


def _check_same(circumstances: Sequence[shards.Circumstances]) -> None:
    different = sorted({str(entry) for entry in circumstances})
    if len(different) > 1:
        raise StudyError.listing(
            "the shards' deep features were computed under different circumstances; set "
            "features.device to cpu or cuda (auto takes what each machine has), use one "
            "environment, and run again with --forcerun extract_features",
            different,
        )
