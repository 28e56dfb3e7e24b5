"""Patch shards: computed once per picture, kept while nothing they depend on changes."""

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from microcalc.config import views
from microcalc.config.image_settings import ImageSettings
from microcalc.config.patch_recipe import RECIPE, Recipe
from microcalc.core.errors import StudyError, with_detail
from microcalc.core.files import digest_value, fast_digest
from microcalc.core.libraries import installed_version
from microcalc.images import decoders, formats, patches, regions, shard_file
from microcalc.images.image_entry import ImageEntry
from microcalc.images.mammogram import Mammogram
from microcalc.images.roi import Roi
from microcalc.images.shard_file import Row, Shard, read

__all__ = ["Shard", "drawn_by", "of_reader", "read", "update"]

log = logging.getLogger(__name__)

_DECODERS = (
    "pydicom", "pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pylibjpeg-rle",
    "pyjpegls", "imagecodecs", "pillow", "simpleitk", "highdicom", "numpy", "scipy",
)  # fmt: skip
# Stands in a row for an image in which the chosen reader drew nothing.
_NOT_DRAWN = "not_drawn_by"
_FILE_COLUMNS = ("path", "roi_path")
_COLUMNS = (
    "image_id", "case_id", "patient_id", "view", "laterality", "spacing_mm", "frame",
    "x0", "y0", "x1", "y1", "roi_label", "reader", _NOT_DRAWN,
)  # fmt: skip


def update(
    path: str | os.PathLike[str],
    rows: Sequence[Mapping[str, str]],
    *,
    settings: ImageSettings,
    surround: float = 1.0,
    image_folder: str | os.PathLike[str],
    digest: str,
) -> dict[str, str]:
    r"""Bring a shard up to date: keep rows whose key is unchanged, compute the rest.

    A row's key digests the bytes of its files, its columns of the images table, the settings
    that matter, the recipe's version and the decoders' versions. The same rows give the same
    bytes. A shard that cannot be read counts as empty.

    Parameters
    ----------
    path
        The shard, replaced as a whole; what it holds is the cache.
    rows
        The shard's rows of the images table, as text, with `patient_id`.
    settings
        The config's `images`.
    surround
        Side of the window relative to the patch's, for patches that are perturbed later.
    image_folder
        What columns `path` and `roi_path` are relative to.
    digest
        What the planning stage digested these rows to; stored for `stored_digest.read_digest`.

    Returns
    -------
    dict
        The key of each image by its image_id.

    Raises
    ------
    OSError
        When a file cannot be read; it names the image.
    StudyError
        As `of_reader`; listing the images with unusable content, when `settings` says
        ``on_error: fail``. Otherwise such an image is a row with its reason.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from microcalc.config.image_settings import ImageSettings
    >>> from microcalc.images import shards
    >>> y, x = np.mgrid[:200, :150]
    >>> film = np.where(np.hypot(x, y - 100) < 80, 140 + 10 * np.sin(x), 20).astype(np.uint8)
    >>> row = {"image_id": "C001_CC", "case_id": "C001", "patient_id": "P001"}
    >>> row |= {"path": "C001_CC.pgm", "spacing_mm": "0.8"}
    >>> row |= {"x0": "20", "y0": "90", "x1": "30", "y1": "100"}
    >>> settings = ImageSettings(spacing_mm=1.0, patch_mm=8.0, thumbnail_px=32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     count = Path(folder, "C001_CC.pgm").write_bytes(b"P5 150 200 255\n" + film.tobytes())
    ...     path = f"{folder}/shard-0.npz"
    ...     keys = shards.update(path, [row], settings=settings, image_folder=folder, digest="1f3a")
    ...     shard = shards.read(path)
    ...     shard.status.tolist(), shard.patch.shape, shard.digest
    (['ok'], (1, 8, 8), '1f3a')
    """
    recipe = Recipe.from_settings(settings, surround=surround)
    cached = _cached(path) if settings.cache else {}
    chosen = of_reader(rows, settings.reader)
    counts = {"computed": 0, "kept": 0}
    keys: dict[str, str] = {}
    problems: list[str] = []

    def made() -> Iterator[Row]:
        for row in chosen:
            read = _files(row, image_folder, settings.max_file_gb)
            key = keys[row["image_id"]] = _key(row, read, recipe)
            found = cached.get(key)
            counts["computed" if found is None else "kept"] += 1
            result = found or _compute(row, read, key, recipe)
            if result.texts["status"] != "ok":
                told = with_detail(result.texts["reason"], result.texts["detail"])
                problem = f"image {row['image_id']}: {told}"
                log.warning("excluded %s", problem)
                # That the study does not take a view is nothing to mend.
                if views.enters(result.texts["view"], recipe.views):
                    problems.append(problem)
            yield result
        if problems and settings.on_error == "fail":
            raise StudyError.listing(
                f"{len(problems)} images cannot be used and images.on_error is 'fail'; mend or "
                "remove them, or set it to 'exclude'",
                problems,
            )

    shard_file.write(
        path,
        made(),
        count=len(chosen),
        patch_px=recipe.patch_px,
        thumbnail_px=recipe.thumbnail_px,
        digest=digest,
        recipe=RECIPE,
    )
    log.info("computed %d, kept %d", counts["computed"], counts["kept"])
    return keys


def of_reader(rows: Sequence[Mapping[str, str]], reader: str | None) -> list[Mapping[str, str]]:
    """Return one row per image, sorted by image_id: the chosen reader's, or the only one.

    Rows without a reader belong to every reader. An image in which the chosen reader drew nothing
    keeps a row without a region file, marked, so that it is excluded with that reason.

    Parameters
    ----------
    rows
        Of the images table, as text.
    reader
        The config's `images.reader`; None where none is chosen.

    Returns
    -------
    list of dict
        As many as there are images.

    Raises
    ------
    StudyError
        Listing the images with regions of several readers, when none is chosen, or with several
        rows of the chosen one.

    Examples
    --------
    >>> from microcalc.images import shards
    >>> rows = [{"image_id": "C001_CC", "reader": reader} for reader in ("A", "B")]
    >>> shards.of_reader(rows, "B")
    [{'image_id': 'C001_CC', 'reader': 'B'}]
    """
    by_image: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        by_image.setdefault(row["image_id"], []).append(row)
    chosen, problems = [], []
    for image_id, drawn in sorted(by_image.items()):
        fitting = [row for row in drawn if not reader or row.get("reader", "") in {"", reader}]
        if len(fitting) > 1:
            readers = ", ".join(sorted({row.get("reader") or "(none)" for row in fitting}))
            problems.append(f"image {image_id}: {len(fitting)} regions, of readers {readers}")
        empty = {**drawn[0], _NOT_DRAWN: reader or "", "reader": reader or "", "roi_path": ""}
        chosen += fitting[:1] or [empty]
    if problems:
        raise StudyError.listing(
            "Some images have several rows in the images table; choose one reader in "
            "images.reader, and give every reader one row per image",
            problems,
        )
    return chosen


def drawn_by(rows: Sequence[Mapping[str, str]], reader: str) -> list[Mapping[str, str]]:
    """Return the rows whose region this reader drew; what everybody shares is no second opinion.

    Parameters
    ----------
    rows
        Of the images table, as text.
    reader
        A name in column reader.

    Returns
    -------
    list of dict
        In the order of `rows`.

    Examples
    --------
    >>> from microcalc.images import shards
    >>> rows = [{"image_id": "a", "reader": "A"}, {"image_id": "b", "reader": ""}]
    >>> shards.drawn_by(rows, "A")
    [{'image_id': 'a', 'reader': 'A'}]
    """
    return [row for row in rows if row.get("reader") == reader]


def _cached(path: str | os.PathLike[str]) -> dict[str, Row]:
    """Return the rows of an earlier run by key; none when the file is missing or damaged."""
    if not Path(path).exists():
        return {}
    try:
        shard = read(path)
    except StudyError as error:
        log.warning("%s; computing all rows", error)
        return {}
    return {
        str(shard.key[i]): Row(
            {name: str(getattr(shard, name)[i]) for name in shard_file.TEXTS},
            shard.patch[i],
            shard.thumbnail[i],
            shard.picture[i],
        )
        for i in range(len(shard))
    }


def _files(
    row: Mapping[str, str], folder: str | os.PathLike[str], max_gb: float
) -> dict[str, bytes] | StudyError:
    """Return the bytes of a row's files, by column, or why they are not even read."""
    try:
        return {
            name: formats.read_file(
                os.path.join(folder, row[name]), image_id=row["image_id"], max_gb=max_gb
            )
            for name in _FILE_COLUMNS
            if row.get(name)
        }
    except StudyError as error:
        return error


def _key(row: Mapping[str, str], files: Mapping[str, bytes] | StudyError, recipe: Recipe) -> str:
    read = (
        str(files)
        if isinstance(files, StudyError)
        else {name: fast_digest([data]) for name, data in files.items()}
    )
    return digest_value(
        {
            "files": read,
            "row": {name: row[name] for name in _COLUMNS if row.get(name)},
            "settings": recipe.as_key(),
            "recipe": RECIPE,
            "decoders": [decoders.chosen(), _decoder_versions()],
        }
    )


@cache
def _decoder_versions() -> dict[str, str]:
    """Return the version of every library that has a part in a patch."""
    return {name: installed_version(name) for name in _DECODERS}


def _compute(
    row: Mapping[str, str], files: Mapping[str, bytes] | StudyError, key: str, recipe: Recipe
) -> Row:
    """Return the row of one image: its patch, or why it has none."""
    image_id, view = row["image_id"], views.canonical(row.get("view", ""))
    texts = dict.fromkeys(shard_file.TEXTS, "") | {
        "image_id": image_id,
        "case_id": row["case_id"],
        "view": view,
        "key": key,
        "status": "ok",
        "qc": "{}",
    }
    try:
        if isinstance(files, StudyError):
            raise files
        if row.get(_NOT_DRAWN):
            raise StudyError(f"reader {row[_NOT_DRAWN]} drew no region in it")
        mammogram = formats.decode(
            files["path"],
            ImageEntry.from_row(row),
            only_views=recipe.views,
            voi=recipe.voi,
            for_processing=recipe.for_processing,
            orientation=recipe.orientation,
        )
        patch = patches.extract(
            mammogram,
            _roi(row, files.get("roi_path"), mammogram, recipe),
            spacing_mm=recipe.spacing_mm,
            patch_mm=recipe.patch_mm,
            thumbnail_px=recipe.thumbnail_px,
            normalization=recipe.normalization,
            crop=recipe.crop,
            fit_margin_mm=recipe.fit_margin_mm,
            surround=recipe.surround,
        )
    except StudyError as error:
        reason = error.reason.removeprefix(f"image {image_id}: ")
        left = {"status": "excluded", "reason": reason, "detail": error.detail}
        if isinstance(error, views.OtherViewError):
            left["view"] = error.view
        return Row(texts | left, *_blank(recipe))
    texts |= {
        "view": mammogram.view,
        "pixel_digest": _pixel_digest(mammogram),
        "uid_digest": mammogram.uid_digest,
        "qc": json.dumps(patch.qc, sort_keys=True, ensure_ascii=False),
    }
    return Row(texts, patch.pixels, patch.thumbnail, patch.picture)


def _roi(row: Mapping[str, str], file: bytes | None, mammogram: Mammogram, recipe: Recipe) -> Roi:
    """Return the region that the row gives, as a file or as a box."""
    if file is None:
        return Roi.from_row(row)
    if any(row.get(name) for name in ("x0", "y0", "x1", "y1")):
        raise StudyError("has a box and a roi_path in the images table; give one of them")
    return regions.from_file(
        file,
        image_id=row["image_id"],
        shape=mammogram.shape,
        label=row.get("roi_label", ""),
        file_name=row["path"],
        uid_digest=mammogram.uid_digest,
        place=mammogram.place,
        rules=recipe.region_rules,
    )


def _blank(recipe: Recipe) -> tuple[Any, Any, Any]:
    """Return a patch, thumbnail and picture with nothing on them."""
    size, thumbnail = (recipe.patch_px,) * 2, (recipe.thumbnail_px,) * 2
    return np.zeros(size, np.float32), np.zeros(thumbnail, np.uint8), np.zeros(size, np.uint8)


def _pixel_digest(mammogram: Mammogram) -> str:
    """Return a digest of every eighth row: noise makes those of any two images differ."""
    rows = np.ascontiguousarray(mammogram.top_down.stored[::8])
    return fast_digest([f"{mammogram.shape} {rows.dtype}".encode(), rows.data])
