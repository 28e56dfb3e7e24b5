"""VOI transform by which the tissue is seen: not one of the file's that clips it."""

from dataclasses import replace
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from microcalc.images import breast as breasts
from microcalc.images import coarse_grid
from microcalc.images.breast import Breast
from microcalc.images.mammogram import Mammogram
from microcalc.images.roi import Roi

CLIPPED = "voi_clips_tissue"
"""Flag of an image that is shown by another VOI than the chosen one, or by none."""
LEAST_CONTRAST = 0.01
"""Of the tissue's range of grey levels; an ROI with less shows nothing."""

_NEARLY_ALL = 0.95
_MOST_OF_ROI = 0.9
_AT_THE_END = 0.005


def shown(mammogram: Mammogram, roi: Roi) -> tuple[Mammogram, Breast, float]:
    """Return the mammogram by the first of its VOI transforms that shows its tissue.

    A transform does not when nearly all tissue, or nine tenths of the ROI, lie within half a
    percent of the darkest or brightest level that it can give, or when the ROI's contrast is
    below `LEAST_CONTRAST`. The chosen one stays where no other is better.

    Parameters
    ----------
    mammogram
        As it was read.
    roi
        In stored pixels.

    Returns
    -------
    mammogram, breast
        The mammogram, flagged when it is shown by another transform, and its breast.
    contrast
        The ROI's 5th to 95th percentile over the tissue's 1st to 99th; 0 without a range.

    References
    ----------
    DICOM PS3.3 C.11.2.

    Examples
    --------
    >>> from pydicom.data import get_testdata_file
    >>> from microcalc.images import dicom, voi
    >>> from microcalc.images.roi import Roi
    >>> path = get_testdata_file("MR_small.dcm")  # of pydicom: no mammogram, but a small grey image
    >>> mammogram = dicom.read_mammogram(path, image_id="C001_CC")
    >>> found, breast, contrast = voi.shown(mammogram, Roi(20, 20, 40, 36))
    >>> found.grey.voi, 0 < contrast < 1
    ('LINEAR window 0', True)
    """
    breast = breasts.find(mammogram)
    box = _box(mammogram, roi)
    contrast = _contrast(breast, box)
    if not mammogram.other_greys or _shows(mammogram, breast, box, contrast):
        return mammogram, breast, contrast
    for make in mammogram.other_greys:
        grey = make()
        flags = (*mammogram.flags, *grey.flags, CLIPPED)
        other = replace(mammogram, grey=grey, other_greys=(), flags=flags)
        found = breasts.find(other)
        box = _box(other, roi)
        better = _contrast(found, box)
        if _shows(other, found, box, better):
            return other, found, better
    return mammogram, breast, contrast


def _contrast(breast: Breast, box: NDArray[np.float32]) -> float:
    low, high = breast.levels
    if not box.size or not high > low:
        return 0.0
    first, last = coarse_grid.percentiles(box.ravel(), (5, 95), as_doubles=False)
    return (last - first) / (high - low)


def _shows(mammogram: Mammogram, breast: Breast, box: NDArray[np.float32], contrast: float) -> bool:
    if contrast < LEAST_CONTRAST:
        return False
    if mammogram.grey.voi == "none":
        return True
    tissue = breast.values[breast.mask] if breast.mask.any() else breast.values
    curve = mammogram.grey.curve
    return _clipped(tissue, curve) <= _NEARLY_ALL and _clipped(box, curve) <= _MOST_OF_ROI


def _clipped(values: NDArray[np.float32], curve: NDArray[np.float32]) -> float:
    """Return the part of `values` at either end of what the curve can give."""
    lowest, highest = float(curve.min()), float(curve.max())
    margin = _AT_THE_END * (highest - lowest)
    return float(((values <= lowest + margin) | (values >= highest - margin)).mean())


def _box(mammogram: Mammogram, roi: Roi) -> NDArray[np.float32]:
    y0, x0 = (max(0, floor(v)) for v in (roi.y0, roi.x0))
    stored = mammogram.stored[y0 : max(0, ceil(roi.y1)), x0 : max(0, ceil(roi.x1))]
    return np.take(mammogram.grey.curve, stored)
