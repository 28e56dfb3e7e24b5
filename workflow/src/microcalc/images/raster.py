"""Reading a mammogram that a collection ships as PNG or TIFF."""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from microcalc.core.errors import StudyError
from microcalc.images import geometry
from microcalc.images.content import MOST_PIXELS, content_errors
from microcalc.images.mammogram import Grey, Mammogram, Place

# TIFF 6.0: BitsPerSample and PhotometricInterpretation.
_BITS, _PHOTOMETRIC = 258, 262
_WHITE_IS_ZERO = 0


def decode(
    data: bytes,
    *,
    image_id: str,
    spacing_mm: float | None = None,
    laterality: str = "",
    view: str = "",
    frame: int | None = None,
) -> Mammogram:
    """Return the mammogram in the bytes of a PNG or TIFF file of 8 or 16 bits.

    Parameters
    ----------
    data
        The file. Colors are accepted when they are all grey.
    image_id
        The image's name in every message.
    spacing_mm
        Pixel spacing from the images table: such a file has none that could be trusted.
    laterality, view
        From the images table.
    frame
        Page of a TIFF file of several, counting from 1.

    Raises
    ------
    StudyError
        When the file is damaged, of another depth, in color, or without a spacing.
    """
    with content_errors(image_id), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(data), formats=("PNG", "TIFF"))
        flags: list[str] = []
        spacing, source = geometry.of_table(spacing_mm, image.size[::-1], flags)
        _turn_to(image, frame)
        stored, inverted = _stored(image, data)
        depth = 8 * stored.dtype.itemsize
        curve = np.arange(2**depth, dtype=np.float32)
        return Mammogram(
            image_id=image_id,
            stored=stored,
            grey=Grey(
                curve=curve[::-1].copy() if inverted else curve,
                padding=np.zeros(2**depth, dtype=bool),
                inverted=inverted,
            ),
            spacing_mm=spacing,
            spacing_source=source,
            laterality=laterality.strip().upper(),
            view=view.strip().upper(),
            place=Place(spacing, frame or 1, getattr(image, "n_frames", 1)),
            provenance={
                "transfer_syntax": str(image.format),
                "sop_class": "",
                "photometric_interpretation": image.mode,
                "bits_stored": str(depth),
                "scanner": "",
            },
            flags=tuple(flags),
        )


def _turn_to(image: Image.Image, frame: int | None) -> None:
    pages = getattr(image, "n_frames", 1)
    if frame is None and pages > 1:
        raise StudyError(
            "is a file of several pages; name one, counting from 1, in column frame of the images "
            "table",
            detail=f"{pages} pages",
        )
    if frame is not None and not 1 <= frame <= pages:
        raise StudyError(
            "has no such frame as the images table names", detail=f"frame {frame} of {pages}"
        )
    if pages > 1 and frame is not None:
        image.seek(frame - 1)


def _stored(image: Image.Image, data: bytes) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], bool]:
    """Return the pixels at the file's own depth, and whether their lowest value is white."""
    wide, high = image.size
    if wide < 2 or high < 2 or wide * high > MOST_PIXELS:
        raise StudyError("claims a size no mammogram has", detail=f"{high} rows, {wide} columns")
    deep = _depth(image, data) > 8
    white_is_zero = _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO
    if image.mode in {"I;16", "I;16B", "I;16L", "I"}:
        values = np.asarray(image)
        if values.min() < 0 or values.max() >= 2**16:
            raise StudyError("has signed or 32-bit pixels; expected unsigned ones of 8 or 16 bits")
        return values.astype(np.uint16), white_is_zero
    if deep or image.mode in {"F", "1", "CMYK"}:
        raise StudyError(
            "is stored in a way that would lose gray levels; save it as one gray channel of 8 or "
            "16 bits",
            detail=f"{image.mode}, {_depth(image, data)} bits",
        )
    # Pillow has turned 8-bit images with white at zero over already.
    if image.mode == "L":
        return np.asarray(image), False
    channels = np.asarray(image.convert("RGB"))
    if (channels != channels[:, :, :1]).any():
        raise StudyError("is a color image; a mammogram is grey")
    return np.ascontiguousarray(channels[:, :, 0]), False


def _tag(image: Image.Image, number: int) -> object:
    tags = getattr(image, "tag_v2", None)
    return tags.get(number) if tags is not None else None


def _depth(image: Image.Image, data: bytes) -> int:
    """Return the bits per channel in the file, which Pillow's mode may have fewer of."""
    if image.format == "PNG":
        return data[24]  # IHDR: signature, length, type, width, height, then the depth
    bits = _tag(image, _BITS)
    return max(bits) if isinstance(bits, tuple) else 8
