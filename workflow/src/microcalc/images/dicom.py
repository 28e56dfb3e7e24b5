"""Reading one DICOM mammogram: decoded by pydicom and its plugins, described in plain terms."""

import copy
import io
import logging
import os
import warnings
import zlib
from collections.abc import Collection
from typing import Any, Literal

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from microcalc.config import views
from microcalc.core.errors import StudyError
from microcalc.core.files import digest_bytes
from microcalc.images import codestreams, decoders, geometry, grey, words
from microcalc.images.content import MOST_PIXELS, content_errors, read_bytes
from microcalc.images.image_entry import ImageEntry
from microcalc.images.mammogram import Mammogram
from microcalc.images.uncopied import UncopiedPixels, only_fragment

# pydicom's warnings can quote values from the patient module, so they go nowhere.
logging.getLogger("pydicom").addHandler(logging.NullHandler())
logging.getLogger("pydicom").propagate = False

_PIXEL_DATA = b"\xe0\x7f\x10\x00"
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_META_BYTES = 2000
_PIECE = 2**24
_CODESTREAMS = {*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes, *JPEG2000TransferSyntaxes}
_REFUSED_PHOTOMETRIC = (
    "has another photometric interpretation than a mammogram's, MONOCHROME1 or MONOCHROME2"
)


def read_mammogram(
    path: str | os.PathLike[str],
    *,
    image_id: str,
    spacing_mm: float | None = None,
    laterality: str = "",
    view: str = "",
    only_views: Collection[str] | Literal["all"] = views.ALL,
    frame: int | None = None,
    voi: int | str | None = None,
    for_processing: Literal["convert", "refuse"] = "convert",
    pseudonyms: Collection[str] = (),
) -> Mammogram:
    """Return the mammogram in a DICOM file.

    Parameters
    ----------
    path
        The file. It appears in no message.
    image_id, spacing_mm, laterality, view, frame, pseudonyms
        What is known of the image, see `microcalc.images.image_entry.ImageEntry`.
    only_views, voi, for_processing
        See `decode`.

    Returns
    -------
    Mammogram
        `.pixels` is float32 rows x columns, larger = brighter.

    Raises
    ------
    OSError
        When the file cannot be read: worth another try.
    StudyError
        When it was read and is not a usable mammogram: it never will be.

    Examples
    --------
    >>> from pydicom.data import get_testdata_file
    >>> from microcalc.images import dicom
    >>> path = get_testdata_file("MR_small.dcm")  # of pydicom: no mammogram, but a small grey image
    >>> mammogram = dicom.read_mammogram(path, image_id="C001_CC", laterality="L", view="CC")
    >>> mammogram.shape, mammogram.pixels.dtype, mammogram.spacing_mm, mammogram.view
    ((64, 64), dtype('float32'), (0.3125, 0.3125), 'CC')
    """
    return decode(
        read_bytes(path, image_id=image_id),
        ImageEntry(image_id, spacing_mm, laterality, view, frame, tuple(pseudonyms)),
        only_views=only_views,
        voi=voi,
        for_processing=for_processing,
    )


def decode(
    data: bytes,
    entry: ImageEntry,
    *,
    only_views: Collection[str] | Literal["all"] = views.ALL,
    voi: int | str | None = None,
    for_processing: Literal["convert", "refuse"] = "convert",
) -> Mammogram:
    """Return the mammogram in the bytes of a DICOM file.

    Parameters
    ----------
    data
        The file.
    entry
        What the images table says of the image.
    only_views
        The config's `images.views`: an image of another view is refused before it is decoded.
    voi
        Which of the file's VOI look-up tables and windows to apply, tables counted first: None for
        the first of them, its number from 0, its explanation, or "none" for the values before them.
    for_processing
        Whether a FOR PROCESSING image is turned into attenuation, -log(exposure), or refused.

    Returns
    -------
    Mammogram
        `.pixels` is float32 rows x columns, larger = brighter.

    Raises
    ------
    StudyError
        When the bytes are no usable mammogram: no DICOM file or one cut short, in color, of another
        view (then an OtherViewError), without the frame or a spacing that can be believed, of
        contradictory bits or sizes, or with pixel data that cannot be decoded.
    MemoryError
        When the process that decodes is killed from outside.

    References
    ----------
    DICOM PS3.3 A.27 (digital mammography); of the grey levels PS3.4 N.2, see `grey.Shown`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from pydicom.data import get_testdata_file
    >>> from microcalc.images import dicom
    >>> from microcalc.images.image_entry import ImageEntry
    >>> data = Path(get_testdata_file("MR_small.dcm")).read_bytes()  # of pydicom: no mammogram
    >>> mammogram = dicom.decode(data, ImageEntry("C001_CC", view="CC"))
    >>> mammogram.shape, mammogram.grey.voi, mammogram.flags
    ((64, 64), 'LINEAR window 0', ('image_small',))
    """
    flags: list[str] = []
    with content_errors(entry.image_id), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = parse(data, copied=False)
        syntax = _transfer_syntax(dataset)
        _check_kind(dataset, data)
        index = _frame_index(dataset, entry.frame)
        if "SharedFunctionalGroupsSequence" in dataset:
            dataset = _flattened(dataset, index)
        # What can be refused without decoding is refused before it.
        seen = geometry.view(dataset, entry.view, flags)
        views.refuse_others(seen, only_views)
        spacing, source = geometry.spacing(dataset, entry.spacing_mm, flags, view=seen)
        shown = grey.Shown(
            dataset, encapsulated=syntax.is_encapsulated, voi=voi, for_processing=for_processing
        )
        meaning = shown.grey()
        row_direction, column_direction = geometry.orientation(dataset)
        if str(dataset.get("BurnedInAnnotation") or "").upper() == "YES":
            flags.append("burned_in_annotation")
        if str(dataset.get("PatientID") or "").strip() in set(entry.pseudonyms) - {""}:
            flags.append("pseudonym_is_patient_id")
        frame_data = _compressed_frame(dataset, syntax, index)
        stream_bits = _stream_bits(dataset, syntax, frame_data)
        provenance = _provenance(dataset, syntax)
        if stream_bits is not None and stream_bits > int(dataset.BitsStored):
            # Some decoders mask what is above BitsStored.
            dataset.BitsStored, dataset.HighBit = stream_bits, stream_bits - 1
        stored = _stored(dataset, syntax, index, frame_data)
        if shown.corrected(stored, stream_bits, flags):
            meaning = shown.grey()
        return Mammogram(
            image_id=entry.image_id,
            stored=stored,
            grey=meaning,
            other_greys=shown.others(),
            spacing_mm=spacing,
            spacing_source=source,
            laterality=geometry.laterality(dataset, entry.laterality, flags),
            view=seen,
            row_direction=row_direction,
            column_direction=column_direction,
            place=geometry.place(dataset, spacing, index + 1),
            provenance=provenance,
            uid_digest=_uid_digest(dataset),
            flags=(*flags, *meaning.flags),
        )


def read_spacing(path: str | os.PathLike[str], entry: ImageEntry) -> tuple[float, float]:
    """Return the pixel spacing of a file from its header, or the table's where it is no DICOM file.

    Parameters
    ----------
    path
        The file. It appears in no message.
    entry
        What the images table says of the image, of which its spacing and its frame are asked for.

    Returns
    -------
    tuple of float
        (between rows, between columns) in mm, as `geometry.spacing`.

    Raises
    ------
    OSError
        When the file cannot be read.
    StudyError
        When it has no plausible spacing, or no such frame.

    Examples
    --------
    >>> from pydicom.data import get_testdata_file
    >>> from microcalc.images import dicom
    >>> from microcalc.images.image_entry import ImageEntry
    >>> path = get_testdata_file("MR_small.dcm")
    >>> dicom.read_spacing(path, ImageEntry("C001_CC"))
    (0.3125, 0.3125)
    >>> dicom.read_spacing(path, ImageEntry("C001_CC", spacing_mm=0.1))
    (0.1, 0.1)
    """
    with content_errors("", "its header"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not os.path.isfile(path) and os.path.exists(path):
            raise StudyError("its path leads to no file")
        try:
            dataset = _header(path)
        except pydicom.errors.InvalidDicomError:
            return geometry.of_table(entry.spacing_mm, None, [])[0]
        index = _frame_index(dataset, entry.frame)
        if "SharedFunctionalGroupsSequence" in dataset:
            dataset = _flattened(dataset, index)
        return geometry.spacing(dataset, entry.spacing_mm, [])[0]


def read_view(path: str | os.PathLike[str], entry: ImageEntry) -> str:
    """Return the canonical view of a file from its header, or the table's where it has none.

    Parameters
    ----------
    path
        The file. It appears in no message.
    entry
        What the images table says of the image, of which its view and its frame are asked for.

    Returns
    -------
    str
        As `geometry.view`; of a file that is no DICOM, the table's.

    Raises
    ------
    OSError
        When the file cannot be read.
    StudyError
        When its header cannot be read, or there is no such frame.

    Examples
    --------
    >>> import tempfile
    >>> import pydicom
    >>> from pydicom.data import get_testdata_file
    >>> from microcalc.images import dicom
    >>> from microcalc.images.image_entry import ImageEntry
    >>> dataset = pydicom.dcmread(get_testdata_file("MR_small.dcm"))
    >>> dataset.ViewPosition = "LMLO"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     dataset.save_as(f"{folder}/view.dcm")
    ...     dicom.read_view(f"{folder}/view.dcm", ImageEntry("C001_1"))
    'MLO'
    """
    with content_errors("", "its header"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = _header(path)
        except pydicom.errors.InvalidDicomError:
            return entry.view
        if "SharedFunctionalGroupsSequence" in dataset:
            dataset = _flattened(dataset, _frame_index(dataset, entry.frame))
        return geometry.view(dataset, entry.view, [])


def _header(path: str | os.PathLike[str]) -> Dataset:
    """Return all that comes before the pixels, which a deflated file must be unpacked for."""
    with open(path, "rb") as file:
        deflated = _DEFLATED in file.read(_META_BYTES)
    if deflated:
        return parse(read_bytes(path, image_id=""))
    return pydicom.dcmread(path, stop_before_pixels=True)


def parse(data: bytes, *, copied: bool = True) -> Dataset:
    """Return the dataset in a DICOM file's bytes.

    Parameters
    ----------
    data
        The file.
    copied
        Whether pixels are bytes of their own, rather than a view of `data`.

    Returns
    -------
    pydicom.Dataset
        Whole, its pixel data not decoded.

    Raises
    ------
    StudyError
        When they are no DICOM file, or deflated data that are cut short or unpack to more than a
        mammogram. Other exceptions mean a damaged file; `content_errors` tells of them.

    Examples
    --------
    >>> from pathlib import Path
    >>> from pydicom.data import get_testdata_file
    >>> from microcalc.images import dicom
    >>> dataset = dicom.parse(Path(get_testdata_file("MR_small.dcm")).read_bytes())
    >>> dataset.Rows, dataset.Columns, dataset.BitsStored
    (64, 64, 16)
    """
    if _DEFLATED in data[:_META_BYTES]:
        _check_deflated(data)
    try:
        return pydicom.dcmread(io.BytesIO(data) if copied else UncopiedPixels(data))
    except pydicom.errors.InvalidDicomError:
        raise StudyError("is not a DICOM file: it has no DICM prefix") from None


def _check_deflated(data: bytes) -> None:
    """Refuse a deflated dataset that unpacks to more than any mammogram, or is cut short.

    The file meta information is never deflated; its group length says where the dataset begins.
    """
    begin = 144 + int.from_bytes(data[140:144], "little")
    # Two bytes a pixel, and room for everything else.
    limit = 2 * MOST_PIXELS + 2**24
    unpacker, waiting, size = zlib.decompressobj(-zlib.MAX_WBITS), data[begin:], 0
    while waiting and not unpacker.eof:
        size += len(unpacker.decompress(waiting, _PIECE))
        waiting = unpacker.unconsumed_tail
        if size >= limit:
            raise StudyError("unpacks to more data than any mammogram has")
    if not unpacker.eof:
        raise StudyError("is cut short: its deflated data do not end; export it again")


def _transfer_syntax(dataset: Dataset) -> UID:
    syntax = getattr(dataset, "file_meta", Dataset()).get("TransferSyntaxUID")
    if not syntax:
        raise StudyError("says nothing about its transfer syntax, so its pixels cannot be decoded")
    return UID(syntax)


def _check_kind(dataset: Dataset, data: bytes) -> None:
    """Refuse what is no grey image of a size that a mammogram can have."""
    if "PixelData" not in dataset:
        # pydicom leaves out an element of unknown length that does not end.
        if _PIXEL_DATA in data:
            raise StudyError("is cut short: it ends before its pixel data do; export it again")
        if "Rows" in dataset:
            raise StudyError(
                "holds no pixel data, although it describes an image: it is cut short or a header "
                "alone; export it again"
            )
        raise StudyError("holds no pixel data (structured report, presentation state, ...)")
    photometric = str(dataset.get("PhotometricInterpretation") or "")
    if int(dataset.get("SamplesPerPixel") or 1) != 1 or photometric not in {
        "MONOCHROME1",
        "MONOCHROME2",
    }:
        raise StudyError(_REFUSED_PHOTOMETRIC, detail=words.photometric(photometric))
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    if rows < 2 or columns < 2 or rows * columns > MOST_PIXELS:
        raise StudyError("claims a size no mammogram has", detail=f"{rows} rows, {columns} columns")
    if int(dataset.get("BitsAllocated") or 0) not in {8, 16}:
        raise StudyError(
            "has another number of bits allocated per pixel than 8 or 16",
            detail=str(dataset.get("BitsAllocated")),
        )


def _frame_index(dataset: Dataset, frame: int | None) -> int:
    """Return the frame to take, counting from 0."""
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frame is None and frames > 1:
        kind = words.name_of_uid(str(dataset.get("SOPClassUID") or ""))
        raise StudyError(
            "is a multi-frame object; name a frame, counting from 1, in column frame of the images "
            "table",
            detail=f"{frames} frames, {kind}",
        )
    if frame is not None and not 1 <= frame <= frames:
        raise StudyError(
            "has no such frame as the images table names", detail=f"frame {frame} of {frames}"
        )
    return (frame or 1) - 1


def _flattened(dataset: Dataset, index: int) -> Dataset:
    """Return `dataset` with one frame's functional groups where a single-frame object has them."""
    flat = copy.copy(dataset)
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    for group in [*shared[:1], *per_frame[index : index + 1]]:
        for macro in group:
            if macro.VR == "SQ" and macro.value:
                flat.update({element.tag: element for element in macro.value[0]})
    return flat


def _compressed_frame(dataset: Dataset, syntax: UID, index: int) -> bytes | memoryview:
    """Return a frame without DICOM's encapsulation, nothing where pixels are not compressed."""
    if not syntax.is_encapsulated:
        return b""
    if not decoders.decodes(syntax):
        raise StudyError(
            "has a transfer syntax that no decoder here reads", detail=words.name_of_uid(syntax)
        )
    frames = int(dataset.get("NumberOfFrames") or 1)
    alone = only_fragment(dataset.PixelData) if frames == 1 else None
    if alone is not None:
        return alone
    return get_frame(bytes(dataset.PixelData), index, number_of_frames=frames)


def _stored(
    dataset: Dataset, syntax: UID, index: int, frame: bytes | memoryview
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return the pixel cells as unsigned integers in the machine's byte order."""
    if syntax.is_encapsulated:
        cells = _decompressed(dataset, syntax, frame)
    else:
        _check_length(dataset)
        # Unused bits are taken care of, once per possible value, in `grey`.
        options: dict[str, Any] = {"correct_unused_bits": False, "view_only": True}
        cells, _ = get_decoder(syntax).as_array(dataset, index=index, raw=True, **options)
    if not cells.dtype.isnative:
        cells = cells.astype(cells.dtype.newbyteorder("="))
    return cells.view(np.uint8) if cells.dtype.itemsize == 1 else cells.view(np.uint16)


def _decompressed(dataset: Dataset, syntax: UID, frame: bytes | memoryview) -> NDArray[Any]:
    """Return the pixel cells of a compressed frame."""
    if syntax != RLELossless:
        _check_stream(dataset, frame)
    return decoders.decode(
        codestreams.codestream(frame),
        syntax=syntax,
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        bits_allocated=int(dataset.BitsAllocated),
        bits_stored=int(dataset.BitsStored),
        pixel_representation=int(dataset.get("PixelRepresentation") or 0),
        photometric_interpretation=str(dataset.PhotometricInterpretation),
    )


def _check_length(dataset: Dataset) -> None:
    """Refuse uncompressed pixel data that end before the last row."""
    frames = int(dataset.get("NumberOfFrames") or 1)
    expected = frames * dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
    if len(dataset.PixelData) < expected:
        raise StudyError(
            "is cut short: it holds less pixel data than its header asks for; export it again",
            detail=f"{len(dataset.PixelData)} of {expected} bytes",
        )


def _check_stream(dataset: Dataset, frame: bytes | memoryview) -> None:
    """Refuse a compressed frame that states no size, or another than the dataset says."""
    stated = codestreams.stated_sizes(frame)
    if not stated:
        raise StudyError(
            "has pixel data that are no image of its transfer syntax; the file is damaged: "
            "export it again"
        )
    wrong = sorted(stated - {(dataset.Rows, dataset.Columns, 1)})
    if wrong:
        rows, columns, components = wrong[0]
        raise StudyError(
            "says one size in its header and another in its pixel data; the file is damaged: "
            "export it again",
            detail=f"{dataset.Rows} x {dataset.Columns}, {rows} x {columns}"
            + (f" x {components}" if components != 1 else ""),
        )


def _stream_bits(dataset: Dataset, syntax: UID, stream: bytes | memoryview) -> int | None:
    """Return the bits per sample that a compressed frame states, None without.

    Raises
    ------
    StudyError
        When the frame is cut short, or its samples do not fit into the dataset's.
    """
    if syntax not in _CODESTREAMS:
        return None
    if codestreams.is_cut_short(stream):
        raise StudyError(
            "is cut short: its compressed pixel data have no end marker; export it again",
            detail=f"{len(stream)} bytes",
        )
    bits = codestreams.stated_bits(stream)
    if bits is not None and bits > int(dataset.BitsAllocated):
        raise StudyError(
            "has compressed pixel data of more bits than its header allocates; export it again",
            detail=f"{bits} bits, BitsAllocated {dataset.BitsAllocated}",
        )
    if bits is not None and syntax in JPEGTransferSyntaxes:
        # Fewer bits than stored ones hold no sign here: as pydicom, which extends it in the others.
        return max(bits, int(dataset.BitsStored))
    return bits


def _uid_digest(dataset: Dataset) -> str:
    uid = str(dataset.get("SOPInstanceUID") or "")
    return digest_bytes(uid.encode()) if uid else ""


def _provenance(dataset: Dataset, syntax: UID) -> dict[str, str]:
    def text(keyword: str) -> str:
        return str(dataset.get(keyword) or "").strip()

    return {
        "transfer_syntax": words.name_of_uid(syntax),
        "sop_class": words.name_of_uid(text("SOPClassUID")),
        "photometric_interpretation": words.photometric(text("PhotometricInterpretation")),
        "bits_stored": text("BitsStored"),
        "scanner": f"{text('Manufacturer')} {text('ManufacturerModelName')}".strip(),
    }
