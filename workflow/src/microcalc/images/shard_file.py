"""The file of one shard: an npz archive with the digest it was made from."""

import json
import os
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from microcalc.core.errors import StudyError
from microcalc.core.files import atomic_file, named_when_damaged
from microcalc.plan.stored_digest import MEMBER

TEXTS = (
    "image_id",
    "case_id",
    "view",
    "status",
    "reason",
    "detail",
    "key",
    "pixel_digest",
    "uid_digest",
    "qc",
)
QC_COLUMNS = (
    "rows", "columns", "spacing_source", "spacing_row_mm", "spacing_column_mm", "laterality",
    "flipped", "window_mm", "voi", "inverted", "breast_fraction", "roi_in_breast",
    "saturation", "roi_contrast", "roi_width_mm", "roi_height_mm", "roi_specks", "outside_image",
    "transfer_syntax", "sop_class",
    "photometric_interpretation", "bits_stored", "scanner", "flags",
)  # fmt: skip
"""What a patch's `qc` holds, in the order of `images/qc.csv`."""

_ALIGN = 64
_PADDING_FIELD = 0xD935  # the extra field that zipalign uses


@dataclass(frozen=True, eq=False)
class Shard:
    """All that is known of a shard's images, sorted by image_id.

    Attributes
    ----------
    image_id, case_id, view
        (n,) text, as the images table and the files say.
    status
        (n,) text: "ok" or "excluded".
    reason
        (n,) text: why an image is excluded, else ""; the same words for the same fault.
    detail
        (n,) text: what was found in this image, numbers among it.
    key
        (n,) text: digest of everything the row depends on.
    pixel_digest, uid_digest
        (n,) text: equal for images with the same pixels, or the same SOPInstanceUID.
    qc
        (n,) text: quality control as a JSON object.
    patch
        (n, S, S) float32 in [0, 1], mapped from the file rather than read into memory; zeros
        where the image is excluded.
    thumbnail, picture
        (n, T, T) and (n, S, S) uint8: image and patch for people, black around the breast.
    digest
        The planning digest that the shard was made from.
    recipe
        The version of the recipe.
    """

    image_id: NDArray[np.str_]
    case_id: NDArray[np.str_]
    view: NDArray[np.str_]
    status: NDArray[np.str_]
    reason: NDArray[np.str_]
    detail: NDArray[np.str_]
    key: NDArray[np.str_]
    pixel_digest: NDArray[np.str_]
    uid_digest: NDArray[np.str_]
    qc: NDArray[np.str_]
    patch: NDArray[np.float32]
    thumbnail: NDArray[np.uint8]
    picture: NDArray[np.uint8]
    digest: str
    recipe: int

    def __len__(self) -> int:
        return len(self.image_id)


@dataclass(frozen=True, eq=False)
class Row:
    """One image of a shard.

    Attributes
    ----------
    texts
        By column name (`TEXTS`).
    patch
        float32 in [0, 1], shape (S, S).
    thumbnail, picture
        Two pictures for people, uint8. A shard that nobody looks at, such as one of perturbed
        patches, needs no `picture`.
    """

    texts: Mapping[str, str]
    patch: NDArray[np.float32]
    thumbnail: NDArray[np.uint8]
    picture: NDArray[np.uint8] | None = None


def read(path: str | os.PathLike[str]) -> Shard:
    """Return a shard; its checksums are verified, its pictures stay in the file until used.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Shard
        Of n images.

    Raises
    ------
    StudyError
        When the file is no readable shard.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from microcalc.images import shard_file
    >>> texts = dict.fromkeys(shard_file.TEXTS, "") | {"image_id": "C001_CC", "status": "ok"}
    >>> patch, thumbnail = np.zeros((8, 8), np.float32), np.zeros((4, 4), np.uint8)
    >>> rows = [shard_file.Row(texts, patch, thumbnail, patch.astype(np.uint8))]
    >>> sizes = {"count": 1, "patch_px": 8, "thumbnail_px": 4}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     shard_file.write(f"{folder}/shard-0.npz", rows, **sizes, digest="1f3a", recipe=1)
    ...     shard = shard_file.read(f"{folder}/shard-0.npz")
    ...     shard.image_id.tolist(), shard.patch.shape, shard.digest
    (['C001_CC'], (1, 8, 8), '1f3a')
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_compressed(archive)
            damaged = archive.testzip()
            if damaged is not None:
                raise ValueError(f"checksum of {damaged}")
            meta = json.loads(archive.read(MEMBER))
            arrays: dict[str, Any] = {name: _text(archive, name) for name in TEXTS}
            for name in ("patch", "thumbnail", "picture"):
                arrays[name] = _mapped(path, archive, name)
        if len({len(array) for array in arrays.values()}) != 1:
            raise ValueError("columns of different lengths")
        return Shard(**arrays, digest=str(meta["digest"]), recipe=int(meta["recipe"]))
    except (KeyError, ValueError, TypeError, EOFError, struct.error, zipfile.BadZipFile) as error:
        raise StudyError(
            f"{os.path.basename(path)}: not a readable shard ({error}); delete it and run again"
        ) from None


def read_keys(path: str | os.PathLike[str]) -> list[str]:
    """Return the keys of a shard's rows, its pictures unread.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    list of str
        Column `key`, in the order of the rows.

    Raises
    ------
    StudyError
        When the file is no readable shard.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from microcalc.images import shard_file
    >>> texts = dict.fromkeys(shard_file.TEXTS, "") | {"image_id": "C001_CC", "key": "77c0"}
    >>> patch, thumbnail = np.zeros((8, 8), np.float32), np.zeros((4, 4), np.uint8)
    >>> rows = [shard_file.Row(texts, patch, thumbnail, patch.astype(np.uint8))]
    >>> sizes = {"count": 1, "patch_px": 8, "thumbnail_px": 4}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     shard_file.write(f"{folder}/shard-0.npz", rows, **sizes, digest="1f3a", recipe=1)
    ...     shard_file.read_keys(f"{folder}/shard-0.npz")
    ['77c0']
    """
    with named_when_damaged(path), zipfile.ZipFile(path) as archive:
        _refuse_compressed(archive)
        return [str(key) for key in _text(archive, "key")]


def write(
    path: str | os.PathLike[str],
    rows: Iterable[Row],
    *,
    count: int,
    patch_px: int,
    thumbnail_px: int,
    digest: str,
    recipe: int,
) -> None:
    """Write a shard, patch by patch as `rows` yields them; equal rows give equal bytes.

    Parameters
    ----------
    path
        The file, replaced when all is written.
    rows
        `count` rows, sorted by image_id. Pictures are written as they come, so that memory holds
        those of one row.
    count, patch_px, thumbnail_px
        Number of rows and sides of the pictures.
    digest, recipe
        See `Shard`.

    Examples
    --------
    >>> import pathlib
    >>> import tempfile
    >>> from microcalc.images import shard_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "shard-0.npz")
    ...     sizes = {"count": 0, "patch_px": 8, "thumbnail_px": 4}
    ...     shard_file.write(path, [], **sizes, digest="1f3a", recipe=1)
    ...     len(shard_file.read(path))
    0
    """
    texts: dict[str, list[str]] = {name: [] for name in TEXTS}
    blank = np.zeros((patch_px, patch_px), dtype=np.uint8)
    with (
        atomic_file(path) as whole,
        zipfile.ZipFile(whole, "w") as archive,
        tempfile.TemporaryFile() as thumbnails,
        tempfile.TemporaryFile() as pictures,
    ):
        with _member(archive, "patch") as file:
            _write_header(file, np.float32, (count, patch_px, patch_px))
            for row in rows:
                file.write(np.ascontiguousarray(row.patch, dtype=np.float32).data)
                thumbnails.write(np.ascontiguousarray(row.thumbnail, dtype=np.uint8).data)
                picture = blank if row.picture is None else row.picture
                pictures.write(np.ascontiguousarray(picture, dtype=np.uint8).data)
                for name in TEXTS:
                    texts[name].append(row.texts[name])
        for name, kept, side in (
            ("thumbnail", thumbnails, thumbnail_px),
            ("picture", pictures, patch_px),
        ):
            with _member(archive, name) as file:
                _write_header(file, np.uint8, (count, side, side))
                kept.seek(0)
                shutil.copyfileobj(kept, file)
        for name in TEXTS:
            with _member(archive, name) as file:
                # An empty list would become an array of float.
                np.lib.format.write_array(file, np.array(texts[name], dtype=np.str_))
        meta = json.dumps({"digest": digest, "recipe": recipe}, sort_keys=True)
        archive.writestr(zipfile.ZipInfo(MEMBER), meta)


def _member(archive: zipfile.ZipFile, name: str) -> Any:
    """Open a member of fixed date for writing, its data aligned so that it can be mapped."""
    info = zipfile.ZipInfo(f"{name}.npy")
    offset = archive.fp.tell() if archive.fp else 0
    # Fixed header, name, the 20 bytes of the 64-bit sizes, and the field added here.
    data_at = offset + 30 + len(info.filename) + 20 + 4
    fill = -data_at % _ALIGN
    info.extra = struct.pack("<HH", _PADDING_FIELD, fill) + bytes(fill)
    return archive.open(info, "w", force_zip64=True)


def _write_header(file: BinaryIO, dtype: type, shape: tuple[int, ...]) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False}
    np.lib.format.write_array_header_1_0(file, {**header, "shape": shape})


def _refuse_compressed(archive: zipfile.ZipFile) -> None:
    """Raise a ValueError for members that grow when they are read: a shard has none."""
    if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
        raise ValueError("a member is compressed")


def _text(archive: zipfile.ZipFile, name: str) -> NDArray[np.str_]:
    with archive.open(f"{name}.npy") as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
    if array.dtype.kind != "U":
        raise ValueError(f"{name} is no text")
    return np.asarray(array)


def _mapped(path: str | os.PathLike[str], archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    info = archive.getinfo(f"{name}.npy")
    with open(path, "rb") as file:
        file.seek(info.header_offset)
        lengths = struct.unpack("<26x2H", file.read(30))
        file.seek(info.header_offset + 30 + sum(lengths))
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        if 0 in shape:
            return np.zeros(shape, dtype)
        return np.memmap(path, dtype=dtype, mode="r", offset=file.tell(), shape=shape)
