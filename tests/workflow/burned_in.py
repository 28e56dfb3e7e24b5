"""Text in an image's pixels: writing it as scanners do, and finding it in a picture."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from scipy.signal import fftconvolve

TEXT = "QUITTENBAUM\n19471231"
HEIGHT_PX = 24


@cache
def written() -> NDArray[np.float32]:
    """Return the text, white on black, a line `HEIGHT_PX` pixels high."""
    font = ImageFont.load_default(HEIGHT_PX)
    draw = ImageDraw.Draw(Image.new("L", (1, 1)))
    box = draw.multiline_textbbox((0, 0), TEXT, font=font)
    image = Image.new("L", (round(box[2]) + 8, round(box[3]) + 8))
    ImageDraw.Draw(image).multiline_text((4, 4), TEXT, font=font, fill=255)
    return np.asarray(image, dtype=np.float32) / 255


def burn(dataset: Dataset) -> None:
    """Write the text into the lower corner that the breast does not reach."""
    pixels = dataset.pixel_array.copy()
    text = written() > 0.5
    rows, columns = text.shape
    right = dataset.ImageLaterality == "L"
    corner = pixels[-rows:, -columns:] if right else pixels[-rows:, :columns]
    bright = dataset.PhotometricInterpretation == "MONOCHROME2"
    corner[text] = 2**dataset.BitsStored - 1 if bright else 0
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PixelData = pixels.astype(np.uint16).tobytes()


def likeness(picture: NDArray[np.uint8], scale: float) -> float:
    """Return the highest correlation of any place of `picture` with the text, there `scale` high.

    Flipped as images are that are turned to their chest wall, too; 1 is the text itself.
    """
    text = written()
    size = max(1, round(text.shape[1] * scale)), max(1, round(text.shape[0] * scale))
    small = np.asarray(Image.fromarray(text).resize(size, Image.Resampling.BOX))
    if any(p < t for p, t in zip(picture.shape, small.shape, strict=True)):
        return 0.0
    return max(
        _correlation(picture / np.float32(255), template) for template in (small, small[:, ::-1])
    )


def _correlation(picture: NDArray[np.float32], template: NDArray[np.float32]) -> float:
    ones, centered = np.ones_like(template), template - template.mean()
    covariance = fftconvolve(picture, centered[::-1, ::-1], mode="valid")
    mean = fftconvolve(picture, ones, mode="valid") / ones.size
    power = fftconvolve(picture**2, ones, mode="valid") - ones.size * mean**2
    # Where a place is even, nothing is written; rounding leaves no exact zero there.
    known = power > 1e-3
    return float(
        np.max(covariance[known] / np.sqrt(power[known]), initial=0) / np.linalg.norm(centered)
    )
