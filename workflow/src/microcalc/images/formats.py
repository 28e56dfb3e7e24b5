"""Reading a mammogram in whichever format it lies there."""

import os
from collections.abc import Collection
from typing import Literal

from microcalc.config import views
from microcalc.core.errors import StudyError
from microcalc.images import dicom, raster, volume_images, volumes
from microcalc.images.content import MOST_FILE_GB, content_errors, read_bytes
from microcalc.images.image_entry import ImageEntry
from microcalc.images.mammogram import Mammogram
from microcalc.plan import detached_headers

READ = "DICOM, PNG, TIFF, JPEG, PGM, NIfTI, NRRD, MHA, and MHD with its pixels beside it"
"""The formats of images, in words."""

_DICM = slice(128, 132)
_HEAD = 2**16
# What is found under the name of an image now and then.
_OTHERS = {
    b"BM": "BMP", b"GIF8": "GIF", b"RIFF": "WebP", b"\0\0\0\x0cjP": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000", b"%PDF": "PDF", b"PK\x03\x04": "ZIP", b"Rar!": "RAR",
    b"<": "HTML or XML, as a download that failed leaves it", b"{": "JSON",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself",
    b"P6": "PPM, in color", b"P3": "PPM, in color", b"P4": "PBM, black and white",
    b"P1": "PBM, black and white", b"\x89HDF": "HDF5", b"\x93NUMPY": "NumPy",
}  # fmt: skip


def read_file(
    path: str | os.PathLike[str], *, image_id: str, max_gb: float = MOST_FILE_GB
) -> bytes:
    r"""Return an image's or a mask's bytes; of an MHD or NHDR header with its pixels behind it.

    Parameters
    ----------
    path
        The file.
    image_id
        The image's name in messages.
    max_gb
        The most that is read of one file, in 10^9 bytes.

    Returns
    -------
    bytes
        Of one file, which needs no other.

    Raises
    ------
    OSError
        When a file cannot be read.
    StudyError
        As `content.read_bytes` and `microcalc.plan.detached_headers.joined`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from microcalc.images import formats
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     raw = Path(folder, "C001_CC.raw").write_bytes(b"pixels")
    ...     mhd = Path(folder, "C001_CC.mhd").write_bytes(b"ElementDataFile = C001_CC.raw\n")
    ...     formats.read_file(f"{folder}/C001_CC.mhd", image_id="C001_CC")
    b'ElementDataFile = LOCAL\npixels'
    """

    def read(one: str | os.PathLike[str]) -> bytes:
        return read_bytes(one, image_id=image_id, max_gb=max_gb)

    try:
        return detached_headers.joined(path, read)
    except StudyError as error:
        start = f"image {image_id}: "
        raise StudyError(start + error.reason.removeprefix(start), detail=error.detail) from None


def decode(
    data: bytes,
    entry: ImageEntry,
    *,
    only_views: Collection[str] | Literal["all"] = views.ALL,
    voi: int | str | None = None,
    for_processing: Literal["convert", "refuse"] = "convert",
    orientation: str = "header",
) -> Mammogram:
    """Return the mammogram in a file's bytes, whose content tells the format.

    Parameters
    ----------
    data
        A file of one of the formats in `READ`.
    entry
        What the images table says of the image.
    only_views, voi, for_processing
        As of `dicom.decode`. Where the table's view is one that `only_views` leaves out, the file
        is not looked at.
    orientation
        As of `volume_images.decode`.

    Returns
    -------
    Mammogram
        `.pixels` is float32 rows x columns, larger = brighter.

    Raises
    ------
    StudyError
        When the file is of no such format, and as `dicom.decode`, `raster.decode` and
        `volume_images.decode`.
    MemoryError
        When the process that decodes is killed from outside.

    Examples
    --------
    >>> from microcalc.images import formats
    >>> from microcalc.images.image_entry import ImageEntry
    >>> mammogram = formats.decode(b"P2 2 2 255 0 255 9 7", ImageEntry("C001_CC", spacing_mm=0.05))
    >>> mammogram.provenance["transfer_syntax"], mammogram.pixels
    ('PGM', array([[  0., 255.],
           [  9.,   7.]], dtype=float32))
    """
    views.refuse_others(entry.view, only_views)
    if data[_DICM] == b"DICM":
        return dicom.decode(
            data, entry, only_views=only_views, voi=voi, for_processing=for_processing
        )
    if raster.is_raster(data):
        return raster.decode(data, entry)
    if volumes.is_volume(data):
        return volume_images.decode(data, entry, orientation=orientation)
    raise _unknown(data, entry.image_id)


def read_spacing(path: str | os.PathLike[str], entry: ImageEntry) -> tuple[float, float]:
    r"""Return the pixel spacing of a file from its header, or the table's where it gives none.

    Parameters
    ----------
    path
        The file.
    entry
        What the images table says of the image.

    Returns
    -------
    tuple of float
        (between rows, between columns) in mm.

    Raises
    ------
    OSError
        When the file cannot be read.
    StudyError
        When it has no plausible spacing, or no such frame.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from microcalc.images import formats
    >>> from microcalc.images.image_entry import ImageEntry
    >>> head = b"NRRD0004\ntype: uint8\ndimension: 2\nsizes: 3 2\nspacings: 0.1 0.2\n"
    >>> with tempfile.TemporaryDirectory() as folder:  # the first axis leads along a row
    ...     count = Path(folder, "C001_CC.nrrd").write_bytes(head + b"encoding: raw\n\n" + bytes(6))
    ...     formats.read_spacing(f"{folder}/C001_CC.nrrd", ImageEntry("C001_CC"))
    (0.2, 0.1)
    """
    if os.path.isfile(path):
        with open(path, "rb") as file:
            head = file.read(_HEAD)
        if head[_DICM] != b"DICM" and volumes.is_volume(head):
            with content_errors("", "its header"):
                volume = volumes.opened(read_file(path, image_id=""))
                return volume_images.spacing(volume, entry.spacing_mm, [])[0]
    return dicom.read_spacing(path, entry)


def _unknown(data: bytes, image_id: str) -> StudyError:
    if not data.strip(b"\0 \r\n\t"):
        return StudyError(f"image {image_id}: its file is empty; export it again")
    begin = data[:64].lstrip()
    like = next((name for start, name in _OTHERS.items() if begin.startswith(start)), "")
    return StudyError(
        f"image {image_id}: its file is of no format that is read",
        detail=f"{READ} are read" + (f"; it looks like {like}" if like else ""),
    )
