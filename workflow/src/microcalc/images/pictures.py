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
    r"""Return the display mask of a window: which of its pixels lie near the breast.

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
    >>> import numpy as np
    >>> from microcalc.images import breast, pictures, raster
    >>> from microcalc.images.image_entry import ImageEntry
    >>> y, x = np.mgrid[:200, :150]
    >>> film = np.where(np.hypot(x, y - 100) < 80, 160, 20).astype(np.uint8)  # a radius of 64 mm
    >>> pgm = b"P5 150 200 255\n" + film.tobytes()
    >>> mammogram = raster.decode(pgm, ImageEntry("C001_CC", spacing_mm=0.8))
    >>> shown = pictures.near_breast(mammogram, breast.find(mammogram), (80.0, 100.0), 5, 16.0)
    >>> shown[2].astype(int)  # 32 and 16 mm within the skin line, on it, and beyond it
    array([1, 1, 1, 0, 0])
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
    r"""Return the thumbnail: the whole image in a square, black outside the breast, ROI outlined.

    Burned-in text stays out.

    Parameters
    ----------
    mammogram
        The image.
    breast
        Its breast.
    scaled
        The grey in [0, 1] of each value that a stored cell can hold, float32, (256,) or (65536,).
    roi
        Outlined in white with a black rim, in stored pixels.
    size
        Side of the square in pixels.

    Returns
    -------
    numpy.ndarray
        Uint8, (size, size).

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.images import breast, pictures, raster
    >>> from microcalc.images.image_entry import ImageEntry
    >>> from microcalc.images.roi import Roi
    >>> y, x = np.mgrid[:200, :150]
    >>> film = np.where(np.hypot(x, y - 100) < 80, 160, 20).astype(np.uint8)
    >>> pgm = b"P5 150 200 255\n" + film.tobytes()
    >>> mammogram = raster.decode(pgm, ImageEntry("C001_CC", spacing_mm=0.8))
    >>> found, scaled = breast.find(mammogram), mammogram.grey.curve / 255
    >>> small = pictures.thumbnail(mammogram, found, scaled, Roi(20, 60, 60, 100), 40)
    >>> small[22, [2, 8, 30]]  # beside the image, in the breast, in air
    array([  0, 160,   0], dtype=uint8)
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
