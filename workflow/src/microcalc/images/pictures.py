"""Thumbnail and display mask: the breast alone is shown, since text may be burned in beside it."""

from math import ceil, floor

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from microcalc.images.breast import Breast
from microcalc.images.mammogram import Mammogram
from microcalc.images.roi import Roi


def near_breast(
    mammogram: Mammogram,
    breast: Breast,
    center: tuple[float, float],
    size: int,
    spacing_mm: float,
) -> NDArray[np.bool_]:
    """Return which pixels of a window are to be shown: those near the breast.

    Parameters
    ----------
    mammogram
        The image.
    breast
        Its breast.
    center
        (x, y) of the window, in stored pixels.
    size
        Side of the window in pixels.
    spacing_mm
        Side of such a pixel in mm.

    Returns
    -------
    numpy.ndarray
        Bool, (size, size).

    Examples
    --------
    >>> from pydicom.data import get_testdata_file
    >>> from microcalc.images import breast, dicom, pictures
    >>> path = get_testdata_file("MR_small.dcm")  # of pydicom: no mammogram, but a small grey image
    >>> mammogram = dicom.read_mammogram(path, image_id="C001_CC")
    >>> found = breast.find(mammogram)
    >>> pictures.near_breast(mammogram, found, (30.0, 28.0), 16, 0.25).shape
    (16, 16)
    """
    steps = np.arange(size) - (size - 1) / 2
    chosen = []
    for middle, spacing, every, cells in zip(
        reversed(center), mammogram.spacing_mm, breast.stride, breast.shown.shape, strict=True
    ):
        places = np.floor((middle + steps * spacing_mm / spacing) / every).astype(int)
        chosen.append(np.clip(places, 0, cells - 1))
    return np.asarray(breast.shown[chosen[0]][:, chosen[1]])


def thumbnail(
    mammogram: Mammogram,
    breast: Breast,
    scaled: NDArray[np.float32],
    roi: Roi,
    size: int,
) -> NDArray[np.uint8]:
    """Return the whole image in a square, black outside the breast: burned-in text stays out.

    Parameters
    ----------
    mammogram
        The image.
    breast
        Its breast.
    scaled
        The grey in [0, 1] of each value that a stored cell can hold, float32, (256,) or (65536,).
    roi
        Outlined, in stored pixels.
    size
        Side of the square in pixels.

    Returns
    -------
    numpy.ndarray
        Uint8, (size, size).

    Examples
    --------
    >>> from pydicom.data import get_testdata_file
    >>> from microcalc.images import breast, dicom, pictures
    >>> from microcalc.images.roi import Roi
    >>> path = get_testdata_file("MR_small.dcm")  # of pydicom: no mammogram, but a small grey image
    >>> mammogram = dicom.read_mammogram(path, image_id="C001_CC")
    >>> found, scaled = breast.find(mammogram), mammogram.grey.curve / mammogram.grey.curve.max()
    >>> pictures.thumbnail(mammogram, found, scaled, Roi(20, 20, 40, 36), 48).shape
    (48, 48)
    """
    rows, columns = mammogram.shape
    grey = np.clip(np.take(scaled, breast.cells), 0, 1) * 255
    small = np.where(breast.shown, grey, 0).astype(np.uint8)
    tall, wide = (n * s for n, s in zip((rows, columns), mammogram.spacing_mm, strict=True))
    ratio = size / max(tall, wide)
    width, height = max(1, round(wide * ratio)), max(1, round(tall * ratio))
    image = Image.fromarray(small).resize((width, height), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image)
    x0, x1 = (v / columns * width for v in (roi.x0, roi.x1))
    y0, y1 = (v / rows * height for v in (roi.y0, roi.y1))
    # White with a black rim can be told from any tissue.
    draw.rectangle((floor(x0) - 2, floor(y0) - 2, ceil(x1) + 1, ceil(y1) + 1), outline=0)
    draw.rectangle((floor(x0) - 1, floor(y0) - 1, ceil(x1), ceil(y1)), outline=255)
    square = np.zeros((size, size), dtype=np.uint8)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = np.asarray(image)
    return square
