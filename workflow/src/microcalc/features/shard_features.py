"""One shard's features: measured once per picture, kept while nothing they depend on changes.

The file is one parquet table: image_id, case_id, view, key, then the columns of the set (float32),
one row per usable image, sorted by image_id. A row's key digests all its features depend on.
"""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from microcalc.core.errors import StudyError
from microcalc.core.files import atomic_file, digest_bytes, digest_value, named_when_damaged
from microcalc.features.measurement import Measured, Measurement
from microcalc.features.progress import Progress
from microcalc.features.shard_images import Images

if TYPE_CHECKING:
    import pandas as pd


log = logging.getLogger(__name__)


ID_COLUMNS = ["image_id", "case_id", "view", "key"]


def key(depends_on: Mapping[str, Any], patch: npt.NDArray[np.float32]) -> str:
    """Return the cache key of one patch measured under some circumstances.

    Parameters
    ----------
    depends_on
        From `Measurement.depends_on`, JSON-like.
    patch
        Intensities, shape (S, S).

    Returns
    -------
    str
        A digest of both; the same patch under the same circumstances has the same.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.features import shard_features
    >>> patch = np.zeros((4, 4), np.float32)
    >>> first, second = (shard_features.key({"recipe": recipe}, patch) for recipe in (1, 2))
    >>> len(first), first == second
    (64, False)
    """
    pixels = digest_bytes(patch.tobytes())
    return digest_value({**depends_on, "patch": pixels, "shape": list(patch.shape)})


def update(
    path: str | os.PathLike[str], images: Images, measurement: Measurement, *, cache: bool
) -> None:
    """Bring a shard's features file up to date: keep rows whose key is unchanged, measure the rest.

    The same rows give the same bytes. A file that cannot be read counts as empty.

    Parameters
    ----------
    path
        The parquet file, replaced as a whole.
    images
        What `microcalc.images.shard_file.read` returned.
    measurement
        How the set is measured.
    cache
        False to measure all rows again.

    Raises
    ------
    StudyError
        When features are not finite, or as `measurement` says.
    """
    usable = np.flatnonzero(images.status == "ok")
    usable = usable[np.argsort(images.image_id[usable], kind="stable")]
    keys = {}
    for i in usable.tolist():
        depends_on = measurement.depends_on(str(images.case_id[i]))
        if depends_on is not None:
            keys[i] = key(depends_on, images.patch[i])
    kept = _cached(path) if cache else _Kept()
    features, names = dict(kept.rows), kept.names
    new = [i for i, own in keys.items() if own not in features]
    if new:
        progress = Progress(len(new), label=Path(path).stem)
        measured = measurement.measure(images, new, progress)
        _refuse_not_finite(measured, [str(images.image_id[i]) for i in new])
        names = measured.names
        features |= {keys[i]: row for i, row in zip(new, measured.values, strict=True)}
    log.info("measured %d, kept %d", len(new), len(keys) - len(new))
    places = list(keys)
    columns = {
        "image_id": images.image_id[places].tolist(),
        "case_id": images.case_id[places].tolist(),
        "view": images.view[places].tolist(),
        "key": list(keys.values()),
    }
    rows = [features[own] for own in keys.values()]
    _write(columns, names, rows, measurement.circumstances, path)


def read(path: str | os.PathLike[str]) -> "tuple[pd.DataFrame, dict[str, Any]]":
    """Return a features file's table, and what its rows share.

    Parameters
    ----------
    path
        What `update` wrote.

    Returns
    -------
    table, circumstances
        image_id, case_id, view, key, then the columns of the set (float32), which are missing where
        the shard has no usable image; the `circumstances` of the measurement.

    Raises
    ------
    StudyError
        When the file is damaged.
    """
    with named_when_damaged(path):
        table = pq.read_table(path)
    return table.to_pandas(), json.loads(table.schema.metadata[b"circumstances"])


def _refuse_not_finite(measured: Measured, image_ids: Sequence[str]) -> None:
    rows = np.flatnonzero(~np.isfinite(measured.values).all(axis=1))
    if len(rows):
        culprits = ", ".join(image_ids[row] for row in rows.tolist())
        raise StudyError(f"features of these images are not finite numbers: {culprits}")


@dataclass(frozen=True)
class _Kept:
    """Features by key, and the names of their columns."""

    names: tuple[str, ...] = ()
    rows: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)


def _cached(path: str | os.PathLike[str]) -> _Kept:
    """Return the features of an earlier run; none when its file is missing or damaged."""
    if not Path(path).exists():
        return _Kept()
    try:
        # Not by `read_table` and `to_numpy`, which both import pandas: 0.3 s.
        with pq.ParquetFile(path) as file:
            table = file.read()
        keys, features = table["key"].to_pylist(), table.drop(ID_COLUMNS)
        columns = [column.combine_chunks() for column in features.columns]
        values = np.column_stack([np.from_dlpack(column) for column in columns])
        rows = zip(keys, values.astype(np.float32, copy=False), strict=True)
        return _Kept(tuple(features.column_names), dict(rows))
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        log.warning("%s cannot be read (%s); measuring all rows", Path(path).name, error)
        return _Kept()


def _write(
    columns: Mapping[str, list[str]],
    features: Sequence[str],
    rows: Sequence[npt.NDArray[np.float32]],
    circumstances: Mapping[str, Any],
    path: str | os.PathLike[str],
) -> None:
    names = [*columns]
    arrays = [_texts(values) for values in columns.values()]
    if rows:
        names += features
        arrays += [_floats(column) for column in np.ascontiguousarray(np.transpose(rows))]
    table = pa.table(arrays, names=names).replace_schema_metadata(
        {"circumstances": json.dumps(circumstances)}
    )
    write_parquet(table, path)


# Pyarrow's own conversion imports pandas to ask whether it was given a pandas object.
def _texts(values: Sequence[str]) -> pa.Array:
    encoded = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(
        len(values), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))
    )


def _floats(values: npt.NDArray[np.float32]) -> pa.Array:
    return pa.Array.from_buffers(pa.float32(), len(values), [None, pa.py_buffer(values)])


def write_parquet(table: pa.Table, path: str | os.PathLike[str]) -> None:
    """Write a table as parquet, the same bytes for the same rows.

    Parameters
    ----------
    table
        Its metadata are kept.
    path
        The file, replaced as a whole.
    """
    with atomic_file(path) as file:
        # Statistics and dictionaries serve queries; on thousands of float columns they cost time.
        pq.write_table(table, file, use_dictionary=False, write_statistics=False)
