"""Reading a mammogram that a collection ships as PNG, TIFF, JPEG or PGM."""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from microcalc.core.errors import StudyError
from microcalc.images import codestreams, decoders, geometry, pgm
from microcalc.images.content import MOST_PIXELS, content_errors
from microcalc.images.image_entry import ImageEntry
from microcalc.images.mammogram import Grey, Mammogram, Place

PILLOWS = (b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How PNG and TIFF files begin."""
JPEG = b"\xff\xd8\xff"

# TIFF 6.0: BitsPerSample, PhotometricInterpretation and Orientation, which EXIF has too.
_BITS, _PHOTOMETRIC, _ORIENTATION = 258, 262, 274
_WHITE_IS_ZERO = 0
_DEEP_GRAY = {"I;16", "I;16B", "I;16L", "I"}
_COLOR = "is a color image; a mammogram is grey"


@dataclass(frozen=True, eq=False)
class _Raster:
    """An image whose pixels are decoded when they are asked for.

    Attributes
    ----------
    form, mode
        For the provenance.
    size
        Rows and columns.
    frames
        How many pages the file has.
    bits
        Of a pixel.
    pixels
        Returns (rows, columns) of them, and whether the lowest value is white.
    """

    form: str
    mode: str
    size: tuple[int, int]
    frames: int
    bits: int
    pixels: Callable[[], tuple[NDArray[np.uint8] | NDArray[np.uint16], bool]]


def is_raster(data: bytes) -> bool:
    """Return whether a file begins as a PNG, TIFF, JPEG or PGM file does.

    Parameters
    ----------
    data
        The file, or its first bytes.

    Returns
    -------
    bool
        Also for a damaged one.

    Examples
    --------
    >>> from microcalc.images import raster
    >>> raster.is_raster(b"P2 2 1 255 0 255"), raster.is_raster(b"GIF89a")
    (True, False)
    """
    return data.startswith((*PILLOWS, JPEG)) or pgm.is_pgm(data)


def decode(data: bytes, entry: ImageEntry) -> Mammogram:
    """Return the mammogram in the bytes of a PNG, TIFF, JPEG or PGM file of up to 16 bits.

    Parameters
    ----------
    data
        The file. Colors are accepted when they are all grey.
    entry
        What the images table says of it: its spacing, since such a file has none that could be
        trusted, and the page of a TIFF file of several.

    Returns
    -------
    Mammogram
        `.pixels` is float32 rows x columns: the file's values, reversed where the lowest is white.

    Raises
    ------
    StudyError
        When the file is damaged, cut short, of another depth, in color, without a spacing, or
        asks to be turned before it is shown.
    MemoryError
        When the process that decodes is killed from outside.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from PIL import Image
    >>> from microcalc.images import raster
    >>> from microcalc.images.image_entry import ImageEntry
    >>> file = io.BytesIO()
    >>> Image.fromarray(np.array([[0, 4095], [7, 9]], dtype=np.uint16)).save(file, "PNG")
    >>> raster.decode(file.getvalue(), ImageEntry("C001_CC", spacing_mm=0.05)).pixels
    array([[   0., 4095.],
           [   7.,    9.]], dtype=float32)
    """
    with content_errors(entry.image_id), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flags: list[str] = []
        found = _read(data, entry.frame)
        check_size(*found.size)
        spacing, source = geometry.of_table(entry.spacing_mm, found.size, flags)
        stored, inverted = found.pixels()
        curve = np.arange(2 ** (8 * stored.dtype.itemsize), dtype=np.float32)
        return Mammogram(
            image_id=entry.image_id,
            stored=stored,
            grey=Grey(
                curve=curve[::-1].copy() if inverted else curve,
                padding=np.zeros(curve.shape, dtype=bool),
                inverted=inverted,
            ),
            spacing_mm=spacing,
            spacing_source=source,
            laterality=entry.laterality,
            view=entry.view,
            place=Place(spacing, entry.frame or 1, found.frames),
            provenance={
                "transfer_syntax": found.form,
                "sop_class": "",
                "photometric_interpretation": found.mode,
                "bits_stored": str(found.bits),
                "scanner": "",
            },
            flags=tuple(flags),
        )


def check_size(rows: int, columns: int) -> None:
    """Refuse a size that no mammogram has.

    Parameters
    ----------
    rows, columns
        Of pixels: 2 at least, and `content.MOST_PIXELS` in all at most.

    Raises
    ------
    StudyError
        When it is such a size. The message leaves naming the image to the caller.

    Examples
    --------
    >>> from microcalc.images import raster
    >>> raster.check_size(3328, 2560)
    >>> raster.check_size(1, 2560)
    Traceback (most recent call last):
        ...
    microcalc.core.errors.StudyError: claims a size no mammogram has (1 rows, 2560 columns)
    """
    if rows < 2 or columns < 2 or rows * columns > MOST_PIXELS:
        raise StudyError("claims a size no mammogram has", detail=f"{rows} rows, {columns} columns")


def frame_index(frame: int | None, frames: int, what: str) -> int:
    """Return the index, from 0, of the page or slice that the images table names.

    Parameters
    ----------
    frame
        Column frame, counting from 1; None where it is empty.
    frames
        How many the file has.
    what
        What they are called in messages: "pages" or "slices".

    Returns
    -------
    int
        From 0 to frames - 1.

    Raises
    ------
    StudyError
        When it names none of several, or one that is not there. The message leaves naming the image
        to the caller.

    Examples
    --------
    >>> from microcalc.images import raster
    >>> raster.frame_index(None, 1, "pages"), raster.frame_index(12, 50, "slices")
    (0, 11)
    """
    if frame is None and frames > 1:
        raise StudyError(
            f"is a file of several {what}; name one, counting from 1, in column frame of the "
            "images table",
            detail=f"{frames} {what}",
        )
    if frame is not None and not 1 <= frame <= frames:
        raise StudyError(
            "has no such frame as the images table names", detail=f"frame {frame} of {frames}"
        )
    return (frame or 1) - 1


def _read(data: bytes, frame: int | None) -> _Raster:
    if data.startswith(JPEG):
        frame_index(frame, 1, "pages")
        return _of_jpeg(data)
    if pgm.is_pgm(data):
        frame_index(frame, 1, "pages")
        rows, columns, highest = pgm.header(data)
        return _Raster(
            "PGM", "L", (rows, columns), 1, highest.bit_length(), lambda: (pgm.pixels(data), False)
        )
    return _of_pillow(data, frame)


def _of_jpeg(data: bytes) -> _Raster:
    """Read what a JPEG file says of itself; its frame is that of a DICOM object."""
    sizes, bits = codestreams.stated_sizes(data), codestreams.stated_bits(data)
    if codestreams.is_cut_short(data):
        raise StudyError("is cut short: it has no end marker; export it again")
    if len(sizes) != 1 or bits is None:
        raise StudyError("is a damaged JPEG file: it states no size, or several; export it again")
    rows, columns, components = sizes.pop()
    if components not in {1, 3}:
        raise StudyError(_COLOR, detail=f"{components} channels")
    if bits == 8:  # Pillow opens no other
        with _opened(data, "JPEG") as image:
            _refuse_turned(image)

    def pixels() -> tuple[NDArray[np.uint8] | NDArray[np.uint16], bool]:
        found = decoders.decode_file(data, "jpeg", pixels=rows * columns * components)
        return _one_channel(found), False

    return _Raster("JPEG", "L" if components == 1 else "RGB", (rows, columns), 1, bits, pixels)


def _of_pillow(data: bytes, frame: int | None) -> _Raster:
    """Read what a PNG or TIFF file says of the page that `frame` names."""
    with _opened(data, "PNG", "TIFF") as image:
        frames = int(getattr(image, "n_frames", 1))
        index = frame_index(frame, frames, "pages")
        if index:
            image.seek(index)
        _refuse_turned(image)
        wide, high = image.size
        mode, depth = image.mode, _depth(image, data)
        white_is_zero = _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO
        form = str(image.format)
    deep = depth > 8 and mode not in _DEEP_GRAY
    if deep or mode in {"F", "1", "CMYK"}:
        raise StudyError(
            "is stored in a way that would lose gray levels; save it as one gray channel of 8 or "
            "16 bits",
            detail=f"{mode}, {depth} bits",
        )

    def pixels() -> tuple[NDArray[np.uint8] | NDArray[np.uint16], bool]:
        wanted = "" if mode == "L" or mode in _DEEP_GRAY else "RGB"
        found = decoders.decode_file(
            data, "picture", pixels=wide * high, page=index + 1, mode=wanted
        )
        if mode not in _DEEP_GRAY:
            # Pillow has turned 8-bit images with white at zero over already.
            return _one_channel(found), False
        if found.min() < 0 or found.max() >= 2**16:
            raise StudyError("has signed or 32-bit pixels; expected unsigned ones of 8 or 16 bits")
        return found.astype(np.uint16), white_is_zero

    bits = 16 if mode in _DEEP_GRAY else 8
    return _Raster(form, mode, (high, wide), frames, bits, pixels)


def _opened(data: bytes, *formats: str) -> Image.Image:
    """Read a header, by code in Python; no pixel is decoded."""
    try:
        return Image.open(io.BytesIO(data), formats=formats)
    except Image.DecompressionBombError:
        raise StudyError("claims a size no mammogram has") from None


def _one_channel(values: NDArray[Any]) -> NDArray[Any]:
    if values.ndim == 2:
        return values
    if (values != values[:, :, :1]).any():
        raise StudyError(_COLOR)
    return np.ascontiguousarray(values[:, :, 0])


def _refuse_turned(image: Image.Image) -> None:
    """Refuse an image that some viewers turn: in which rows its region was drawn is unknown."""
    # Of a PNG file, `getexif` would decode the pixels to look behind them.
    exif: Any = Image.Exif()
    if image.format == "PNG":
        exif.load(image.info.get("exif", b""))
    else:
        exif = image.getexif()
    if exif.get(_ORIENTATION, 1) not in {0, 1}:
        raise StudyError(
            "asks to be turned before it is shown (EXIF or TIFF Orientation); save it upright",
            detail=f"Orientation {exif[_ORIENTATION]}",
        )


def _tag(image: Image.Image, number: int) -> object:
    tags = getattr(image, "tag_v2", None)
    return tags.get(number) if tags is not None else None


def _depth(image: Image.Image, data: bytes) -> int:
    """Return the bits per channel in the file, which Pillow's mode may have fewer of."""
    if image.format == "PNG":
        return data[24]  # IHDR: signature, length, type, width, height, then the depth
    bits = _tag(image, _BITS)
    return max(bits) if isinstance(bits, tuple) else 8
