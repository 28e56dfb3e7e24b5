"""NIfTI, NRRD and MetaImage files: what their headers say, read by ITK in the decoding process."""

import io
import json
import math
import re
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microcalc.core.errors import StudyError
from microcalc.images import decoders
from microcalc.images.content import MOST_PIXELS

NIFTI, NRRD, META = "NIfTI", "NRRD", "MetaImage"

_SUFFIX = {NIFTI: ".nii", NRRD: ".nrrd", META: ".mha"}
_HEADER_BYTES = 2**16
_READ_FOR_HEADER = 2**20
_NIFTI_HEADER = 348
# The number of bits of a value and where the first lies, as struct's formats and places.
_BITS_AND_BEGIN = (("h", 72), ("f", 108))
# 100 slices of 2457 x 1890 pixels of 16 bits, as a tomosynthesis object has them.
_MOST_UNPACKED = 2**30
_GZIP = b"\x1f\x8b"
_PIECE = 2**20
_META = re.compile(rb"\s*(ObjectType|NDims|Comment)\s*=")
_META_FILE = re.compile(rb"^[ \t]*ElementDataFile\s*=\s*(\S+)", re.M)
_META_SKIP = re.compile(rb"^[ \t]*HeaderSize\s*=\s*(?!0\b)", re.M)
_NRRD_FILE = re.compile(rb"^data ?file:", re.M | re.I)
_NRRD_UNITS = re.compile(rb"^(?:space )?units:[ \t]*([^\r\n]*)", re.M | re.I)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
# NIfTI points to the right and the front where DICOM points to the left and the back.
_TO_DICOM = np.diag((-1.0, -1.0, 1.0))
_AGREE = 0.9


@dataclass(frozen=True, eq=False)
class Volume:
    """A file of up to three dimensions, its values not decoded yet.

    Attributes
    ----------
    form
        `NIFTI`, `NRRD` or `META`.
    size
        Number of columns, rows and slices, as the file counts its axes.
    spacing_mm
        Along the same axes, as ITK gives it: 1 where the file gives none.
    origin
        Middle of the first value, in mm and DICOM's coordinates.
    metadata
        What else stands in the header, as text.
    what
        How errors begin: "" for an image, "its ROI mask " for one.
    """

    form: str
    size: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    direction: NDArray[np.float64]
    origin: tuple[float, ...]
    metadata: dict[str, str]
    what: str
    _data: bytes
    _dimension: int

    def values(self) -> NDArray[Any]:
        """Return all values, decoded.

        Returns
        -------
        numpy.ndarray
            (slices, rows, columns), of the types of `file_decoders.volume`.

        Raises
        ------
        StudyError
            When there are more than a mammogram has pixels, or they cannot be decoded.
        """
        if math.prod(self.size) > MOST_PIXELS:
            raise StudyError(f"{self.what}claims more pixels than a mammogram has")
        found = self._decoded(math.prod(self.size))
        return found.reshape(self.size[::-1])

    def plane(self, axis: int, at: int) -> NDArray[Any]:
        """Return the values of one place along an axis, decoded.

        Parameters
        ----------
        axis
            0 to 2, in the file's order.
        at
            The place, counted from 0.

        Returns
        -------
        numpy.ndarray
            (slices, rows, columns), of which `axis` is of length 1.

        Raises
        ------
        StudyError
            When they cannot be decoded.
        """
        index, size = [0, 0, 0], [*self.size]
        index[axis], size[axis] = at, 1
        part = {
            "index": [*index, *[0] * self._dimension][: self._dimension],
            "size": [*size, *[1] * self._dimension][: self._dimension],
        }
        return self._decoded(math.prod(size), **part).reshape(size[::-1])

    def _decoded(self, pixels: int, **part: Any) -> NDArray[Any]:
        kind = _SUFFIX[self.form]
        # Compressed ones are unpacked as a whole.
        pixels = max(pixels, len(self._data) // 2)
        return decoders.decode_file(self._data, "volume", pixels=pixels, kind=kind, **part)

    @cached_property
    def axes(self) -> NDArray[np.float64]:
        """Where columns, rows and slices lead in DICOM's coordinates, (3, 3) by columns.

        Raises
        ------
        SilentError
            When a NIfTI file does not say, or says it in two ways.
        """
        return self._nifti_axes() if self.form == NIFTI else self.direction

    def _nifti_axes(self) -> NDArray[np.float64]:
        """Return the axes that the sform gives, else the qform."""
        found = []
        affine = self.affine
        if affine is not None:
            lengths = np.linalg.norm(affine[:, :3], axis=0)
            diagonal = bool((affine[:, :3] == np.diag(np.diag(affine[:, :3]))).all())
            if diagonal and (np.diag(affine[:, :3]) > 0).all() and not affine[:, 3].any():
                # What nibabel's users write for want of an affine: numpy.eye(4).
                raise SilentError("does not say which way its rows run")
            if np.isfinite(lengths).all() and lengths.all():
                found.append(_TO_DICOM @ (affine[:, :3] / lengths))
        if self._number("qform_code") > 0:
            turn = [self._number(f"quatern_{a}") for a in "bcd"]
            found.append(_TO_DICOM @ _rotation(*turn, qfac=self._number("pixdim[0]")))
        if not found:
            raise SilentError("does not say which way its rows run")
        if len(found) == 2 and np.abs(found[0][:, :2] - found[1][:, :2]).max() > 1 - _AGREE:
            raise SilentError("gives two orientations (qform and sform differ)")
        return np.asarray(found[0])

    @property
    def affine(self) -> NDArray[np.float64] | None:
        """A NIfTI file's sform, (3, 4) in its own coordinates; None without."""
        names = [f"srow_{a}" for a in "xyz"]
        if self._number("sform_code") <= 0 or not all(name in self.metadata for name in names):
            return None
        return np.array([[float(v) for v in self.metadata[name].split()] for name in names])

    def _number(self, key: str) -> float:
        return float(self.metadata.get(key, 0.0))

    def units(self) -> list[str]:
        """Return the units of length that an NRRD file names, one for each axis, or for all.

        Returns
        -------
        list of str
            Empty where it names none, and of other formats.
        """
        head = _BLANK_LINE.split(self._data[:_HEADER_BYTES], maxsplit=1)[0]
        found = _NRRD_UNITS.search(head) if self.form == NRRD else None
        return re.findall(r'"([^"]*)"', found[1].decode("utf-8", "replace")) if found else []


class SilentError(StudyError):
    """A header that does not tell which way rows and columns run."""


def is_volume(data: bytes) -> bool:
    r"""Return whether a file begins as a NIfTI, NRRD or MetaImage file does, or is gzipped.

    Parameters
    ----------
    data
        The file, or its first kilobyte.

    Returns
    -------
    bool
        Also for a damaged one.

    Examples
    --------
    >>> from microcalc.images import volumes
    >>> volumes.is_volume(b"NRRD0004\n"), volumes.is_volume(b"GIF89a")
    (True, False)
    """
    return bool(_form(data)) or data.startswith(_GZIP)


def opened(data: bytes, *, what: str = "") -> Volume:
    r"""Return a volume, its header read.

    Parameters
    ----------
    data
        The file.
    what
        What begins the errors, as in `Volume`.

    Returns
    -------
    Volume
        Pixels are decoded when they are asked for.

    Raises
    ------
    StudyError
        When it is cut short, NIfTI-2, in color, of more than three dimensions or larger than a
        mammogram, when its pixels lie in a second file, or its header cannot be read.

    Examples
    --------
    >>> from microcalc.images import volumes
    >>> head = b"NRRD0004\ntype: uint8\ndimension: 2\nsizes: 3 2\nspacings: 0.1 0.1\n"
    >>> volume = volumes.opened(head + b"encoding: raw\n\n" + bytes(6))
    >>> volume.form, volume.size, volume.spacing_mm
    ('NRRD', (3, 2, 1), (0.1, 0.1, 1.0))
    """
    data = _unpacked(data, what) if data.startswith(_GZIP) else data
    form = _form(data)
    _refuse_detached(data, form, what)
    if form == NIFTI and _header_size(data) == 540:
        raise StudyError(f"{what}is a NIfTI-2 file; save it as NIfTI-1")
    if form == NIFTI:
        _refuse_cut(data, what)
    header = decoders.decode_file(
        data[:_READ_FOR_HEADER], "volume_header", pixels=0, kind=_SUFFIX[form]
    )
    said = json.loads(header.tobytes())
    dimension, size = len(said["size"]), [*said["size"], 1, 1, 1]
    if math.prod(size[3:]) != 1:
        raise StudyError(f"{what}has more than three dimensions", detail=str(dimension))
    if (
        size[0] * size[1] * size[2] > _MOST_UNPACKED
        or sorted(size[:3])[1] * max(size[:3]) > MOST_PIXELS
    ):
        raise StudyError(f"{what}claims more pixels than a mammogram has")
    if said["components"] != 1:
        raise StudyError(f"{what}has several layers, such as colors; save one channel of gray")
    n = min(dimension, 3)
    direction = np.eye(3)
    direction[:n, :n] = np.reshape(said["direction"], (dimension, dimension))[:n, :n]
    return Volume(
        form=form,
        size=tuple(size[:3]),
        spacing_mm=(*said["spacing"], 1.0)[:3],
        direction=direction,
        origin=(*said["origin"], 0.0)[:3],
        metadata=said["metadata"],
        what=what,
        _data=data,
        _dimension=dimension,
    )


def _form(data: bytes) -> str:
    if data.startswith(b"NRRD"):
        return NRRD
    if _META.match(data[:_HEADER_BYTES]):
        return META
    return NIFTI if _header_size(data) in {348, 540} else ""


def _header_size(data: bytes) -> int:
    """Return the length of a NIfTI header: 348 in NIfTI-1 and 540 in NIfTI-2, in either order."""
    little, big = (int.from_bytes(data[:4], order) for order in ("little", "big"))
    return min(little, big)


def _refuse_detached(data: bytes, form: str, what: str) -> None:
    """Raise a StudyError when a header names a second file, which could be any on the machine."""
    head = data[:_HEADER_BYTES]
    if form == NRRD:
        detached = bool(_NRRD_FILE.search(_BLANK_LINE.split(head, maxsplit=1)[0]))
    elif form == META:
        named = _META_FILE.search(head)
        detached = named is None or named[1].upper() != b"LOCAL"
        if named is not None and _META_SKIP.search(head[: named.start()]):
            # ITK would count from the beginning of the file.
            raise StudyError(f"{what}says HeaderSize, which one file has no use for; save it again")
    else:
        detached = data[344:347] == b"ni1"
    if detached:
        raise StudyError(
            f"{what}is a header whose pixels lie in a second file; save it as one file (MHA for "
            "MHD and RAW, NRRD for NHDR, NII for HDR and IMG), or name the .mhd or .nhdr file, "
            "its pixels beside it"
        )


def _unpacked(data: bytes, what: str) -> bytes:
    """Return the NIfTI file that gzip `data` hold, to its last value or as far as they hold it.

    ITK reads no part of a compressed file, and cannot tell a cut one.
    """
    unpacked, waiting, enough = io.BytesIO(), data, _NIFTI_HEADER
    # A file may be of several members, as pigz and bgzip write it.
    while waiting.startswith(_GZIP) and unpacked.tell() < enough:
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        while waiting and not member.eof and unpacked.tell() < enough:
            unpacked.write(member.decompress(waiting, _PIECE))
            waiting = member.unconsumed_tail
            if unpacked.tell() >= enough == _NIFTI_HEADER:
                enough = _whole_length(unpacked.getvalue()[:_NIFTI_HEADER], what)
                if enough > _MOST_UNPACKED:
                    raise StudyError(f"{what}claims more pixels than a mammogram has")
        waiting = member.unused_data
    return unpacked.getvalue()


def _whole_length(header: bytes, what: str) -> int:
    """Return how many bytes a NIfTI-1 file has, by its header (nifti1.h)."""
    if _form(header) != NIFTI:
        raise StudyError(f"{what}is a compressed file (gzip) that holds no NIfTI image")
    order = ">" if header.startswith(b"\0\0") else "<"
    dimensions, *sizes = struct.unpack_from(f"{order}8h", header, 40)
    (bits,), (begin,) = (struct.unpack_from(order + f, header, at) for f, at in _BITS_AND_BEGIN)
    length = begin + math.prod(max(n, 1) for n in sizes[: max(dimensions, 0)]) * bits / 8
    return max(int(length), _NIFTI_HEADER + 1)


def _refuse_cut(data: bytes, what: str) -> None:
    """Raise a StudyError when a NIfTI file ends before its last value; ITK fills in zeros.

    Of the other formats ITK itself tells.
    """
    expected = _whole_length(data[:_NIFTI_HEADER], what)
    if len(data) < expected:
        raise StudyError(
            f"{what}is cut short: it holds fewer pixels than its header asks for; export it again",
            detail=f"{len(data)} of {expected} bytes",
        )


def _rotation(b: float, c: float, d: float, *, qfac: float) -> NDArray[np.float64]:
    """Return the axes of a NIfTI quaternion (nifti1.h, method 2)."""
    a = math.sqrt(max(0.0, 1 - b * b - c * c - d * d))
    turned = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    turned[:, 2] *= -1 if qfac < 0 else 1
    return turned
