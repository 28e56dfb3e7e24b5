"""Cutting a region out of a mammogram at the spacing of its own pixels."""

from math import ceil, floor

import numpy as np

from microcalc.images.breast import Breast
from microcalc.images.mammogram import Mammogram
from microcalc.images.region_image import RegionImage
from microcalc.images.roi import Roi


def cut(
    mammogram: Mammogram,
    breast: Breast,
    roi: Roi,
    *,
    margin_mm: float,
    upright: tuple[slice, slice],
) -> RegionImage:
    """Return the pixels around a region as they are stored, and which of them are the region.

    Parameters
    ----------
    mammogram, breast
        The image, its first row on top, and where its breast is.
    roi
        The region, in pixels of the same image.
    margin_mm
        How far the window reaches beyond the region, in mm; it ends where the image ends.
    upright
        How rows and columns are turned, as the patch's are.

    Returns
    -------
    RegionImage
        Of the ROI's own cells where a file drew them, of its box otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from pydicom.data import get_testdata_file
    >>> from microcalc.images import breast, dicom, region_cut
    >>> from microcalc.images.roi import Roi
    >>> path = get_testdata_file("MR_small.dcm")  # of pydicom: no mammogram, but a small grey image
    >>> image = dicom.read_mammogram(path, image_id="C001_CC")  # 0.3125 mm a pixel
    >>> found = breast.find(image)
    >>> as_it_is = np.s_[::1, ::1]
    >>> part = region_cut.cut(image, found, Roi(20, 20, 40, 36), margin_mm=1, upright=as_it_is)
    >>> part.pixels.shape, int(part.region.sum()), part.bits_stored
    ((24, 28), 320, 16)
    """
    y_margin, x_margin = (margin_mm / spacing for spacing in mammogram.spacing_mm)
    n_rows, n_columns = mammogram.shape
    rows = range(max(0, floor(roi.y0 - y_margin)), min(n_rows, ceil(roi.y1 + y_margin)))
    columns = range(max(0, floor(roi.x0 - x_margin)), min(n_columns, ceil(roi.x1 + x_margin)))
    stored = mammogram.stored[rows.start : rows.stop, columns.start : columns.stop]
    # Cell (i, j) of the coarse grid stands for `stride` rows and columns.
    cells = np.ix_(
        *(
            np.minimum(np.asarray(span) // stride, size - 1)
            for span, stride, size in zip(
                (rows, columns), breast.stride, breast.mask.shape, strict=True
            )
        )
    )
    return RegionImage(
        pixels=np.ascontiguousarray(np.take(mammogram.grey.curve, stored)[upright]),
        region=np.ascontiguousarray(roi.filled(rows, columns)[upright]),
        breast=np.ascontiguousarray(breast.mask[cells][upright]),
        spacing_mm=mammogram.spacing_mm,
        bits_stored=int(mammogram.provenance.get("bits_stored") or 0),
    )
