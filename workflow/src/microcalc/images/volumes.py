"""Masks with a place in space: NIfTI, NRRD and MHA, brought into the rows of the image."""

import math
import re
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microcalc.core.errors import StudyError
from microcalc.images.content import MOST_PIXELS
from microcalc.images.mammogram import Place

_HEADER_BYTES = 2**16
_GZIP = b"\x1f\x8b"
_PIECE = 2**20
_MHA = re.compile(rb"\s*(ObjectType|NDims|Comment)\s*=")
_MHA_FILE = re.compile(rb"^[ \t]*ElementDataFile\s*=\s*(\S+)", re.M)
_NRRD_FILE = re.compile(rb"^data ?file:", re.M | re.I)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_ALONG = 0.9
_SILENT = (
    "its NIfTI mask does not say which way its rows run; set images.roi_orientation to stored "
    "(as in the image) or rows_reversed (as dcm2niix writes a mammogram)"
)
_UNSURE = "roi_orientation_unsure"


@dataclass(frozen=True, eq=False)
class Volume:
    """A mask whose axes are the image's.

    Attributes
    ----------
    values
        (slices, rows, columns).
    offset
        Slice, row and column of the image's file where it begins: 3D Slicer crops a segmentation
        to what is drawn.
    cropped
        Whether it may be smaller than the image.
    names
        (name, value) of its segments.
    flags
        What was odd.
    """

    values: NDArray[Any]
    offset: tuple[int, int, int]
    cropped: bool
    names: list[tuple[str, int]]
    flags: tuple[str, ...]


def read(data: bytes, shape: tuple[int, int], *, orientation: str, place: Place) -> Volume:
    """Return a mask in the image's own slices, rows and columns.

    Parameters
    ----------
    data
        The file.
    shape
        Rows and columns of the image.
    orientation
        See `microcalc.config.region_rules.Rules`.
    place
        The image's, whose axes the mask's are brought to. Where it has none, they are those that
        ITK gives to a mammogram: rows lead to the patient's left, columns to the back.

    Raises
    ------
    StudyError
        When pixels lie in a second file, or the axes are not the image's.
    """
    image = _image(data)
    stored = _array(image)
    values = stored.reshape((1,) * (3 - stored.ndim) + stored.shape)
    order, signs = [0, 1, 2], [False, orientation == "rows_reversed", False]
    flags = []
    if orientation == "header":
        is_nifti = _kind(data).startswith(".nii")
        order, signs = _turn(_nifti_axes(image) if is_nifti else _axes(image), place)
        spacing = tuple(round(v, 6) for v in image.GetSpacing()[:2])
        if is_nifti and spacing == (1.0, 1.0) != place.spacing_mm:
            # dcm2niix loses the spacing with the orientation, and viewers give both a default.
            flags.append(_UNSURE)
    names, crop = _slicer(image)
    # Three axes: slices, rows and columns, each with the image's extent behind it.
    turned = np.transpose(values, order)
    offset = [(crop or (0, 0, 0))[axis] for axis in order]
    for axis, (whole, reverse) in enumerate(zip((place.frames, *shape), signs, strict=True)):
        # A single slice has no order.
        if reverse and (axis or turned.shape[0] > 1 or crop):
            offset[axis] = whole - offset[axis] - turned.shape[axis] if crop else 0
            turned = np.flip(turned, axis)
    first, row, column = offset
    return Volume(turned, (first, row, column), crop is not None, names, tuple(flags))


def _image(data: bytes) -> Any:
    import SimpleITK

    itk: Any = SimpleITK
    _refuse_detached(data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mask" + _kind(data))
        path.write_bytes(data)
        reader = itk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        if math.prod(reader.GetSize()) > MOST_PIXELS:
            raise StudyError("its ROI mask claims more pixels than a mammogram has")
        if reader.GetNumberOfComponents() != 1:
            raise StudyError("its ROI mask has several layers; export one label map")
        if _kind(data).startswith(".nii"):
            _refuse_cut(data, reader)
        return reader.Execute()


def _refuse_cut(data: bytes, reader: Any) -> None:
    """Raise a StudyError when a NIfTI file ends before its last pixel; ITK fills in zeros.

    Of the other formats ITK itself tells.
    """
    begin, bits = (float(reader.GetMetaData(key)) for key in ("vox_offset", "bitpix"))
    expected = int(begin) + math.prod(reader.GetSize()) * int(bits) // 8
    found = _unpacked_size(data, expected) if data.startswith(_GZIP) else len(data)
    if found < expected:
        raise StudyError(
            "its ROI mask is cut short: it holds fewer pixels than its header asks for; export "
            "it again",
            detail=f"{found} of {expected} bytes",
        )


def _unpacked_size(data: bytes, enough: int) -> int:
    """Return how many bytes gzip `data` unpack to, counted until there are `enough`."""
    size, waiting = 0, data
    while waiting.startswith(_GZIP) and size < enough:
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        while waiting and not member.eof and size < enough:
            size += len(member.decompress(waiting, _PIECE))
            waiting = member.unconsumed_tail
        # A file may be of several members, as pigz and bgzip write it.
        waiting = member.unused_data
    return size


def _array(image: Any) -> NDArray[Any]:
    import SimpleITK

    itk: Any = SimpleITK
    stored: NDArray[Any] = itk.GetArrayFromImage(image)
    if stored.ndim > 3 and math.prod(stored.shape[:-3]) != 1:
        raise StudyError("its ROI mask has more than three dimensions", detail=f"{stored.ndim}")
    return stored.reshape(stored.shape[-3:])


def is_volume(data: bytes) -> bool:
    """Say whether a file begins as a NIfTI, NRRD or MetaImage file does."""
    return bool(_kind(data))


def _kind(data: bytes) -> str:
    head = data[:_HEADER_BYTES]
    if data.startswith(b"NRRD"):
        return ".nrrd"
    if _MHA.match(head):
        return ".mha"
    if data.startswith(_GZIP):
        return ".nii.gz"
    size = {data[:4], data[3::-1]} if len(data) > 4 else set()
    return ".nii" if size & {b"\x5c\x01\0\0", b"\x1c\x02\0\0"} else ""


def _refuse_detached(data: bytes) -> None:
    """Raise a StudyError when a header names a second file, which could be any on the machine."""
    kind, head = _kind(data), data[:_HEADER_BYTES]
    if kind == ".nrrd":
        detached = bool(_NRRD_FILE.search(_BLANK_LINE.split(head, maxsplit=1)[0]))
    elif kind == ".mha":
        named = _MHA_FILE.search(head)
        detached = named is None or named[1].upper() != b"LOCAL"
    else:
        detached = kind == ".nii" and data[344:347] == b"ni1"
    if detached:
        raise StudyError(
            "its ROI mask is a header whose pixels lie in a second file; save it as one file "
            "(MHA for MHD and RAW, NRRD for NHDR, NII for HDR and IMG)"
        )


def _axes(image: Any) -> NDArray[np.float64]:
    """Return where columns, rows and slices lead in patient coordinates, (3, 3) by columns."""
    n = min(image.GetDimension(), 3)
    found = np.eye(3)
    direction = np.reshape(image.GetDirection(), (image.GetDimension(),) * 2)
    found[:n, :n] = direction[:n, :n]
    return found


def _nifti_axes(image: Any) -> NDArray[np.float64]:
    """Return the axes that the sform gives, else the qform; in DICOM's coordinates.

    Raises
    ------
    StudyError
        When there is neither, they disagree, or it is what a library fills in for want of one.
    """

    def number(key: str) -> float:
        return float(image.GetMetaData(key)) if image.HasMetaDataKey(key) else 0.0

    rows = [image.GetMetaData(f"srow_{a}") for a in "xyz" if image.HasMetaDataKey(f"srow_{a}")]
    # NIfTI points to the right and the front where DICOM points to the left and the back.
    to_dicom = np.diag((-1.0, -1.0, 1.0))
    found = []
    if number("sform_code") > 0 and len(rows) == 3:
        matrix = np.array([[float(v) for v in row.split()] for row in rows])
        lengths = np.linalg.norm(matrix[:, :3], axis=0)
        diagonal = bool((matrix[:, :3] == np.diag(np.diag(matrix[:, :3]))).all())
        if diagonal and (np.diag(matrix[:, :3]) > 0).all() and not matrix[:, 3].any():
            # What nibabel's users write for want of an affine: numpy.eye(4).
            raise StudyError(_SILENT)
        if np.isfinite(lengths).all() and lengths.all():
            found.append(to_dicom @ (matrix[:, :3] / lengths))
    if number("qform_code") > 0:
        turn = [number(f"quatern_{a}") for a in "bcd"]
        found.append(to_dicom @ _rotation(*turn, qfac=number("pixdim[0]")))
    if not found:
        raise StudyError(_SILENT)
    if len(found) == 2 and np.abs(found[0][:, :2] - found[1][:, :2]).max() > 1 - _ALONG:
        raise StudyError(
            "its NIfTI mask gives two orientations (qform and sform differ); set "
            "images.roi_orientation, or write the mask with one"
        )
    return np.asarray(found[0])


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


def _turn(axes: NDArray[np.float64], place: Place) -> tuple[list[int], list[bool]]:
    """Return how slices, rows and columns are to be ordered, and which of them reversed."""
    ours = np.linalg.solve(place.axes, axes)
    along, strength = np.abs(ours).argmax(axis=0), np.abs(ours).max(axis=0)
    if sorted(along) != [0, 1, 2] or strength.min() < _ALONG:
        raise StudyError(
            "its ROI mask lies in another plane than the image; set images.roi_orientation, or "
            "draw it on the image itself"
        )
    # A file counts columns, rows, slices, an array the other way: its axis 2 - i is the i-th.
    order = [2 - int(np.flatnonzero(along == 2 - axis)[0]) for axis in range(3)]
    return order, [bool(ours[2 - axis, 2 - order[axis]] < 0) for axis in range(3)]


def _slicer(image: Any) -> tuple[list[tuple[str, int]], tuple[int, int, int] | None]:
    """Return names of segments and the (slice, row, column) of a crop, as 3D Slicer writes them."""
    names = []
    offset = None
    for key in sorted(image.GetMetaDataKeys()):
        if key == "Segmentation_ReferenceImageExtentOffset":
            column, row, first = (int(v) for v in image.GetMetaData(key).split())
            offset = (first, row, column)
        if key.startswith("Segment") and key.endswith("_Name"):
            value = f"{key.removesuffix('_Name')}_LabelValue"
            if image.HasMetaDataKey(value):
                names.append((image.GetMetaData(key), int(image.GetMetaData(value))))
    return names, offset
