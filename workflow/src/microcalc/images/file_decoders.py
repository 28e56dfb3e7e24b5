"""Files that are no DICOM, decoded by Pillow, libjpeg-turbo or ITK in the decoding process.

Nothing here is to be called in a job itself, which a damaged file may bring down; see `decoders`.
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
    """Return the pixels of a picture's page, in another of Pillow's modes where one is given."""
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
        The stream.
    out
        Where to leave them, of their shape and type.

    Raises
    ------
    ValueError
        When `out` does not fit.
    """
    import imagecodecs

    # Its stubs know no other buffers than bytes.
    decode: Any = imagecodecs.jpeg8_decode
    return np.asarray(decode(data, out=out))


def volume_header(data: bytes, *, kind: str) -> NDArray[np.uint8]:
    """Return what ITK reads of a volume's header, as JSON."""
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
    """Return a volume's values, or those of a part of it; the file's last axis comes first."""
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
