"""Decoders of files that are no DICOM: Pillow, libjpeg-turbo and ITK, in the decoding process.

Nothing here is to be called in a job itself, which a damaged file may bring down; see `decoders`.
What a library raises at damaged content passes through, and the decoding process tells of it.
"""

import io
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PICTURES = ("PNG", "TIFF", "JPEG", "BMP")
"""What `picture` reads, by Pillow's names."""

_INTEGERS = (np.uint8, np.uint16, np.int16, np.int32)


def picture(data: bytes, *, page: int = 1, mode: str = "") -> NDArray[Any]:
    """Return the pixels of a picture's page, in another of Pillow's modes where one is given.

    Parameters
    ----------
    data
        A PNG, TIFF, JPEG or BMP file.
    page
        Counting from 1.
    mode
        Such as "RGB"; "" for the page's own.

    Returns
    -------
    numpy.ndarray
        (rows, columns), or (rows, columns, channels) of a mode of several; of the mode's type.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> from microcalc.images import file_decoders
    >>> file = io.BytesIO()
    >>> Image.new("L", (3, 2), 7).save(file, "PNG")
    >>> file_decoders.picture(file.getvalue())
    array([[7, 7, 7],
           [7, 7, 7]], dtype=uint8)
    >>> file_decoders.picture(file.getvalue(), mode="RGB").shape
    (2, 3, 3)
    """
    # Jobs that only read patches come by this module in an environment without these libraries.
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=PICTURES) as image:
        if page > 1:
            image.seek(page - 1)
        return np.asarray(image.convert(mode) if mode not in {"", image.mode} else image)


def jpeg(data: bytes | memoryview, *, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return the samples of a JPEG stream of 2 to 16 bits, baseline, extended or lossless.

    Parameters
    ----------
    data
        The stream (ITU-T T.81).
    out
        Where to leave them, of their shape and type.

    Returns
    -------
    numpy.ndarray
        (rows, columns), or (rows, columns, channels) of color: uint8 to 8 bits, uint16 above.

    Raises
    ------
    ValueError
        When `out` does not fit.

    Examples
    --------
    >>> import imagecodecs
    >>> import numpy as np
    >>> from microcalc.images import file_decoders
    >>> pixels = np.array([[0, 4095], [3000, 7]], dtype=np.uint16)
    >>> stream = imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=12)
    >>> file_decoders.jpeg(stream)
    array([[   0, 4095],
           [3000,    7]], dtype=uint16)
    """
    import imagecodecs

    # Its stubs know no other buffers than bytes.
    decode: Any = imagecodecs.jpeg8_decode
    return np.asarray(decode(data, out=out))


def volume_header(data: bytes, *, kind: str) -> NDArray[np.uint8]:
    r"""Return what ITK reads of a volume's header, as JSON.

    Parameters
    ----------
    data
        A NIfTI, NRRD or MetaImage file, or as much of it as holds the header.
    kind
        How such a file's name ends, by which ITK tells the format: ".nii", ".nrrd" or ".mha".

    Returns
    -------
    numpy.ndarray
        The bytes of an object: size, spacing (mm), direction and origin (mm) by the file's axes,
        the first one first, components of a value, and metadata as text.

    Examples
    --------
    >>> import json
    >>> from microcalc.images import file_decoders
    >>> head = b"NRRD0004\ntype: uint8\ndimension: 2\nsizes: 3 2\nspacings: 0.1 0.1\n"
    >>> data = head + b"encoding: raw\n\n" + bytes(6)
    >>> header = json.loads(file_decoders.volume_header(data, kind=".nrrd").tobytes())
    >>> header["size"], header["spacing"]
    ([3, 2], [0.1, 0.1])
    """
    with _reader(data, kind) as reader:
        reader.ReadImageInformation()
        found = {
            "size": reader.GetSize(),
            "spacing": reader.GetSpacing(),
            "direction": reader.GetDirection(),
            "origin": reader.GetOrigin(),
            "components": reader.GetNumberOfComponents(),
            "metadata": {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()},
        }
    return np.frombuffer(json.dumps(found).encode(), np.uint8)


def volume(
    data: bytes, *, kind: str, index: Sequence[int] = (), size: Sequence[int] = ()
) -> NDArray[Any]:
    r"""Return a volume's values, or those of a part of it; the file's last axis comes first.

    Parameters
    ----------
    data
        A NIfTI, NRRD or MetaImage file.
    kind
        As of `volume_header`.
    index, size
        First place and length of the part along each axis, in the file's order; empty for all.

    Returns
    -------
    numpy.ndarray
        Of uint8, uint16 and int16 as the file has them; other whole numbers as the first of these
        and int32 that holds them all, all else as float32.

    Examples
    --------
    >>> from microcalc.images import file_decoders
    >>> head = b"NRRD0004\ntype: uint8\ndimension: 2\nsizes: 3 2\n"
    >>> data = head + b"encoding: raw\n\n" + bytes([0, 1, 2, 3, 4, 5])
    >>> file_decoders.volume(data, kind=".nrrd")
    array([[0, 1, 2],
           [3, 4, 5]], dtype=uint8)
    >>> file_decoders.volume(data, kind=".nrrd", index=(1, 0), size=(2, 1))
    array([[1, 2]], dtype=uint8)
    """
    import SimpleITK

    itk: Any = SimpleITK
    with _reader(data, kind) as reader:
        if index:
            reader.SetExtractIndex(index)
            reader.SetExtractSize(size)
        return _narrowed(itk.GetArrayFromImage(reader.Execute()))


FORMS: dict[str, Callable[..., NDArray[Any]]] = {
    "picture": picture,
    "jpeg": jpeg,
    "volume_header": volume_header,
    "volume": volume,
}


@contextmanager
def _reader(data: bytes, kind: str) -> Iterator[Any]:
    import SimpleITK

    itk: Any = SimpleITK
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "volume" + kind)
        path.write_bytes(data)
        reader = itk.ImageFileReader()
        reader.SetFileName(str(path))
        yield reader


def _narrowed(values: NDArray[Any]) -> NDArray[Any]:
    """Return whole numbers as the smallest integers that hold them, others as float32.

    The scale and intercept of a NIfTI file turn its integers into floating point numbers.
    """
    if values.dtype in (np.uint8, np.uint16, np.int16):
        return values
    if values.dtype.kind in "iu" or (
        bool(np.isfinite(values).all()) and bool((np.rint(values) == values).all())
    ):
        for kind in _INTEGERS:
            limits = np.iinfo(kind)
            if limits.min <= values.min() and values.max() <= limits.max:
                return values.astype(kind)
    return values.astype(np.float32)
