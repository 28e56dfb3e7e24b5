"""One shard's deep features: computed once per picture, kept while nothing they depend on changes.

The file is one parquet table: image_id, case_id, view, key, deep_0000, deep_0001, ... (float32),
one row per usable image, sorted by image_id. A row's key digests all its features depend on.
"""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from microcalc.config.feature_settings import ExtractionSettings
from microcalc.core.errors import StudyError
from microcalc.core.files import atomic_path, digest_bytes, digest_value, named_when_damaged
from microcalc.features import device as devices
from microcalc.features import forward
from microcalc.features.progress import Progress
from microcalc.features.shard_images import Images

if TYPE_CHECKING:
    import pandas as pd

    from microcalc.features.adabn import Adaptation
    from microcalc.features.backbone import Network


log = logging.getLogger(__name__)


ID_COLUMNS = ["image_id", "case_id", "view", "key"]


@dataclass(frozen=True)
class Circumstances:
    """What every row of a run has in common and its features depend on."""

    backbone: str
    layers: tuple[str, ...]
    weights: str
    precision: str
    device: str
    torch: str
    torchvision: str
    recipe: int

    def key(self, patch: npt.NDArray[np.float32]) -> str:
        """Return the cache key of one patch, shape (S, S), under these circumstances."""
        pixels = digest_bytes(patch.tobytes())
        return digest_value({**asdict(self), "patch": pixels, "shape": list(patch.shape)})


def update(
    path: str | os.PathLike[str],
    images: Images,
    weights_path: str | os.PathLike[str],
    settings: ExtractionSettings,
    *,
    threads: int,
    adaptation: "Adaptation | None" = None,
) -> None:
    """Bring a shard's features file up to date: keep rows whose key is unchanged, compute the rest.

    The same rows give the same bytes. A file that cannot be read counts as empty.

    Parameters
    ----------
    path
        The parquet file, replaced as a whole.
    images
        What `microcalc.images.shards.read` returned.
    weights_path
        What `weights.write` wrote.
    settings
        What the network is and computes in; `cache` is false to compute all rows again.
    threads
        How many threads to compute with; the features do not depend on it.
    adaptation
        Batch-norm statistics by center; images of cases it does not know are left out.

    Raises
    ------
    StudyError
        When the weights or the device do not fit, or features are not finite.
    """
    import torch

    from microcalc.features import backbone

    torch.set_num_threads(threads)
    device = devices.choose(settings.device)
    circumstances = Circumstances(
        backbone=settings.backbone,
        layers=settings.layers,
        weights=backbone.describe(weights_path).digest,
        precision=settings.precision,
        device=device.type,
        torch=version("torch"),
        torchvision=version("torchvision"),
        recipe=forward.RECIPE,
    )
    usable = np.flatnonzero(images.status == "ok")
    if adaptation is not None:
        usable = usable[np.isin(images.case_id[usable], [*adaptation.domain])]
    usable = usable[np.argsort(images.image_id[usable], kind="stable")]
    keys = {}
    for i in usable.tolist():
        mine = circumstances
        if adaptation is not None:
            domain = adaptation.domain[str(images.case_id[i])]
            mine = replace(circumstances, weights=adaptation.digest[domain])
        keys[i] = mine.key(images.patch[i])
    features = _cached(path) if settings.cache else {}
    new = [i for i, key in keys.items() if key not in features]
    if new:
        with devices.hold(device) as held:
            network = backbone.load(
                circumstances.backbone, weights_path, device=held, layers=circumstances.layers
            )
            rows = _compute(network, images, new, settings, adaptation, label=Path(path).stem)
        features |= {keys[i]: row for i, row in rows.items()}
    log.info("computed %d, kept %d", len(new), len(usable) - len(new))
    columns = {
        "image_id": images.image_id[usable].tolist(),
        "case_id": images.case_id[usable].tolist(),
        "view": images.view[usable].tolist(),
        "key": list(keys.values()),
    }
    _write(columns, [features[key] for key in keys.values()], circumstances, path)


def _compute(
    network: "Network",
    images: Images,
    new: Sequence[int],
    settings: ExtractionSettings,
    adaptation: "Adaptation | None",
    *,
    label: str,
) -> dict[int, npt.NDArray[np.float32]]:
    """Return the features of the images at places `new`."""
    of_domain: dict[str, list[int]] = {}
    for i in new:
        domain = "" if adaptation is None else adaptation.domain[str(images.case_id[i])]
        of_domain.setdefault(domain, []).append(i)
    progress = Progress(len(new), label=label)
    computed: dict[int, npt.NDArray[np.float32]] = {}
    for domain, places in of_domain.items():
        if adaptation is not None:
            adaptation.apply(network, domain)
        try:
            rows = forward.extract(
                network,
                images.patch,
                rows=places,
                batch_size=settings.batch_size,
                precision=settings.precision,
                progress=progress.after(len(computed)),
            )
        except forward.NotFiniteError as error:
            culprits = ", ".join(str(images.image_id[places[row]]) for row in error.rows)
            raise StudyError(
                f"the deep features of these images are not finite numbers: {culprits}; "
                "the weights or features.precision do not suit them"
            ) from None
        computed |= dict(zip(places, rows, strict=True))
    return computed


def read(path: str | os.PathLike[str]) -> "tuple[pd.DataFrame, Circumstances]":
    """Return a features file's table, float32 features included, and what its rows share."""
    with named_when_damaged(path):
        table = pq.read_table(path)
    stored = json.loads(table.schema.metadata[b"circumstances"])
    return table.to_pandas(), Circumstances(**{**stored, "layers": tuple(stored["layers"])})


def feature_names(width: int) -> list[str]:
    """Return the column names of `width` features: deep_0000, deep_0001, ..."""
    return [f"deep_{i:04d}" for i in range(width)]


def _cached(path: str | os.PathLike[str]) -> dict[str, npt.NDArray[np.float32]]:
    """Return the features of an earlier run by key; none when its file is missing or damaged."""
    if not Path(path).exists():
        return {}
    try:
        # Not by `read_table` and `to_numpy`, which both import pandas: 0.3 s.
        with pq.ParquetFile(path) as file:
            table = file.read()
        keys = table["key"].to_pylist()
        columns = [column.combine_chunks() for column in table.drop(ID_COLUMNS).columns]
        values = np.column_stack([np.from_dlpack(column) for column in columns])
        return dict(zip(keys, values.astype(np.float32, copy=False), strict=True))
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        log.warning("%s cannot be read (%s); computing all rows", Path(path).name, error)
        return {}


def _write(
    columns: Mapping[str, list[str]],
    rows: Sequence[npt.NDArray[np.float32]],
    circumstances: Circumstances,
    path: str | os.PathLike[str],
) -> None:
    names = [*columns]
    arrays = [_texts(values) for values in columns.values()]
    if rows:
        names += feature_names(len(rows[0]))
        arrays += [_floats(column) for column in np.ascontiguousarray(np.transpose(rows))]
    table = pa.table(arrays, names=names).replace_schema_metadata(
        {"circumstances": json.dumps(asdict(circumstances))}
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
    """Write `table`, the same bytes for the same rows."""
    with atomic_path(path) as temporary:
        # Statistics and dictionaries serve queries; on thousands of float columns they cost time.
        pq.write_table(table, temporary, use_dictionary=False, write_statistics=False)
