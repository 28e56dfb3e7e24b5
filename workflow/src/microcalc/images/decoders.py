"""Decoders of compressed frames: one library for each transfer syntax, always the same."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import Dataset, uid
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from microcalc.images import codestreams, file_decoders, run_lengths
from microcalc.images.decoding_process import DecodingProcess, Room

_LIBJPEG_TURBO = "imagecodecs.jpeg8"
_PACKBITS = "imagecodecs.packbits"
_OF_SYNTAX = {
    uid.RLELossless: _PACKBITS,
    # Pixels are those of DCMTK; pylibjpeg-libjpeg rounds the cosine transform otherwise.
    uid.JPEGBaseline8Bit: _LIBJPEG_TURBO,
    uid.JPEGExtended12Bit: _LIBJPEG_TURBO,
    # A fifth to a quarter of what gdcm, pydicom's first choice, takes.
    uid.JPEGLossless: _LIBJPEG_TURBO,
    uid.JPEGLosslessSV1: _LIBJPEG_TURBO,
    uid.JPEGLSLossless: "pyjpegls",
    uid.JPEGLSNearLossless: "pyjpegls",
    uid.JPEG2000Lossless: "pylibjpeg",
    uid.JPEG2000: "pylibjpeg",
    # OpenJPH takes 0.4 of the time, but lossy white can come out black (imagecodecs 2026.3.6).
    uid.HTJ2KLossless: "pylibjpeg",
    uid.HTJ2KLosslessRPCL: "pylibjpeg",
    uid.HTJ2K: "pylibjpeg",
}
# Honest decoding takes less than a tenth of these (see docs/images.md); a damaged stream can ask
# for any amount.
_SECONDS, _SECONDS_PER_PIXEL = 20.0, 1e-6
_MEMORY, _MEMORY_PER_PIXEL = 2**29, 48


def chosen() -> dict[str, str]:
    """Return the decoder of each compressed transfer syntax.

    Returns
    -------
    dict of str
        From UID to the name of the library.

    Examples
    --------
    >>> from pydicom import uid
    >>> from microcalc.images import decoders
    >>> decoders.chosen()[uid.JPEGLSLossless], decoders.chosen()[uid.JPEG2000Lossless]
    ('pyjpegls', 'pylibjpeg')
    """
    return {str(syntax): name for syntax, name in _OF_SYNTAX.items()}


def decodes(syntax: UID) -> bool:
    """Return whether there is a decoder for a compressed transfer syntax.

    Parameters
    ----------
    syntax
        Its UID (DICOM PS3.6 A).

    Returns
    -------
    bool
        Also False for the uncompressed ones, which need none.

    Examples
    --------
    >>> from pydicom import uid
    >>> from microcalc.images import decoders
    >>> decoders.decodes(uid.JPEG2000Lossless), decoders.decodes(uid.MPEG2MPML)
    (True, False)
    """
    return syntax in _OF_SYNTAX


def decode(frame: bytes | memoryview, *, syntax: UID, **description: Any) -> NDArray[Any]:
    """Return the decoded pixel cells of one compressed frame.

    It is decoded in a process of its own, see `microcalc.images.decoding_process`, within limits on
    processor time and memory that grow with the pixels.

    Parameters
    ----------
    frame
        The frame, without DICOM's encapsulation.
    syntax
        Its transfer syntax, one that `decodes` knows.
    **description
        As pydicom's decoders take them, in the file's own values: rows, columns, bits_allocated,
        bits_stored, pixel_representation, photometric_interpretation.

    Returns
    -------
    numpy.ndarray
        (rows, columns) integers of 8 or 16 bits, of which the unused ones are as the decoder leaves
        them.

    Raises
    ------
    UndecodableError
        When the frame cannot be decoded, or takes more time or memory than any of its size. It is
        a StudyError that leaves naming the image to the caller.
    MemoryError
        When the process is killed from outside, which says nothing about the frame.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> from pydicom import uid
    >>> from microcalc.images import decoders
    >>> file = io.BytesIO()
    >>> Image.new("L", (3, 2), 128).save(file, "JPEG")
    >>> said = {"rows": 2, "columns": 3, "bits_allocated": 8, "bits_stored": 8}
    >>> said |= {"pixel_representation": 0, "photometric_interpretation": "MONOCHROME2"}
    >>> decoders.decode(file.getvalue(), syntax=uid.JPEGBaseline8Bit, **said)
    array([[128, 128, 128],
           [128, 128, 128]], dtype=uint8)
    """
    pixels = description["rows"] * description["columns"]
    return _PROCESS.decode(
        frame,
        {"syntax": str(syntax), **description},
        seconds=_SECONDS + _SECONDS_PER_PIXEL * pixels,
        memory=_MEMORY + _MEMORY_PER_PIXEL * pixels,
    )


def decompressed(dataset: Dataset) -> Dataset:
    """Return an object with its pixel data uncompressed, with all its frames and colors.

    Parameters
    ----------
    dataset
        A DICOM object with pixel data.

    Returns
    -------
    pydicom.Dataset
        The same object where it is not compressed, else another one, in Explicit VR Little Endian.

    Raises
    ------
    UndecodableError, MemoryError
        As `decode`.

    Examples
    --------
    >>> import pydicom
    >>> from pydicom.data import get_testdata_file
    >>> from microcalc.images import decoders
    >>> dataset = pydicom.dcmread(get_testdata_file("MR_small_RLE.dcm"))  # 64 x 64, of 16 bits
    >>> len(dataset.PixelData), len(decoders.decompressed(dataset).PixelData)
    (6128, 8192)
    """
    meta = getattr(dataset, "file_meta", None)
    syntax = UID(str(meta.TransferSyntaxUID)) if meta else uid.ImplicitVRLittleEndian
    if not syntax.is_encapsulated:
        return dataset
    pixels = dataset.Rows * dataset.Columns * int(dataset.get("NumberOfFrames") or 1)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    found = _PROCESS.decode(
        file.getvalue(),
        {},
        seconds=_SECONDS + _SECONDS_PER_PIXEL * pixels,
        memory=_MEMORY + _MEMORY_PER_PIXEL * pixels,
    )
    return pydicom.dcmread(io.BytesIO(found.tobytes()))


def decode_file(data: bytes, form: str, *, pixels: int, **description: Any) -> NDArray[Any]:
    """Return what one of `file_decoders.FORMS` makes of a file that is no DICOM, decoded apart too.

    Parameters
    ----------
    data
        The file.
    form
        The name of the form.
    pixels
        How many it has, which limits time and memory as in `decode`.
    **description
        What the form's decoder takes, as plain values.

    Returns
    -------
    numpy.ndarray
        As the form's decoder returns it.

    Raises
    ------
    UndecodableError, MemoryError
        As `decode`.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> from microcalc.images import decoders
    >>> file = io.BytesIO()
    >>> Image.new("L", (3, 2), 7).save(file, "PNG")
    >>> decoders.decode_file(file.getvalue(), "picture", pixels=6)
    array([[7, 7, 7],
           [7, 7, 7]], dtype=uint8)
    """
    return _PROCESS.decode(
        data,
        {"form": form, **description},
        seconds=_SECONDS + _SECONDS_PER_PIXEL * pixels,
        memory=_MEMORY + _MEMORY_PER_PIXEL * pixels,
    )


def _decompress(file: memoryview) -> NDArray[np.uint8]:
    """Return the bytes of a file that holds the same, uncompressed."""
    dataset = pydicom.dcmread(io.BytesIO(file))
    dataset.decompress(generate_instance_uid=False)
    plain = io.BytesIO()
    dataset.save_as(plain, enforce_file_format=True)
    return np.frombuffer(plain.getvalue(), np.uint8)


def _here(frame: memoryview, description: Mapping[str, Any], room: Room) -> NDArray[Any]:
    """Decode a frame, or a file that is described as none, here, where it may kill."""
    if not description:
        return _decompress(frame)
    options: dict[str, Any] = dict(description)
    if "form" in options:
        return file_decoders.FORMS[options.pop("form")](bytes(frame), **options)
    syntax = UID(options.pop("syntax"))
    plugin = _OF_SYNTAX[syntax]
    if plugin == _LIBJPEG_TURBO:
        kind = np.uint16 if (codestreams.stated_bits(frame) or 0) > 8 else np.uint8
        out = room((description["rows"], description["columns"]), kind)
        return _fitting(file_decoders.jpeg(frame, out=out), description)
    if plugin == _PACKBITS:
        return run_lengths.decode(frame, room=room, **description)
    if plugin == "pyjpegls" and not description["pixel_representation"]:
        return _fitting(_jpeg_ls(bytes(frame), description), description)
    options |= {"number_of_frames": 1, "samples_per_pixel": 1, "pixel_keyword": "PixelData"}
    # Unused bits are taken care of, once per possible value, in `grey`.
    options["correct_unused_bits"] = False
    cells, _ = get_decoder(syntax).as_array(
        encapsulate([bytes(frame)]), index=0, raw=True, decoding_plugin=plugin, **options
    )
    return cells


def _fitting(cells: NDArray[Any], description: Mapping[str, Any]) -> NDArray[Any]:
    """Return unsigned cells in the type that the dataset allocates for them.

    Raises
    ------
    ValueError
        When they have another shape than the dataset says, or do not fit into that type.
    """
    shape, bits = (description["rows"], description["columns"]), description["bits_allocated"]
    if cells.shape != shape or cells.dtype.kind != "u" or 8 * cells.dtype.itemsize > bits:
        raise ValueError(f"{cells.shape} {cells.dtype}")
    return cells.astype(f"u{bits // 8}", copy=False)


# As pydicom's plugin does, without the several copies that pydicom makes of a frame.
def _jpeg_ls(frame: bytes, description: Mapping[str, Any]) -> NDArray[Any]:
    from jpeg_ls import decode_pixel_data  # type: ignore[import-untyped]

    cells, header = decode_pixel_data(frame)
    kind = "u1" if header["bits_per_sample"] <= 8 else "<u2"
    return np.frombuffer(cells, kind).reshape(description["rows"], description["columns"])


def stop() -> None:
    """End the process that decodes, where there is one; the next frame starts another.

    Examples
    --------
    >>> from microcalc.images import decoders
    >>> decoders.stop()
    >>> decoders.stop()  # it has ended already: nothing happens
    """
    _PROCESS.stop()


_PROCESS = DecodingProcess(_here)
