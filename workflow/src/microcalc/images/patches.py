"""One square patch around the lesion, at one physical scale and in one orientation."""

from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from microcalc.config import views
from microcalc.core.errors import StudyError
from microcalc.images import coarse_grid, pictures, region_cut, voi
from microcalc.images.breast import Breast
from microcalc.images.mammogram import Mammogram
from microcalc.images.region_image import RegionImage
from microcalc.images.roi import Roi, check_inside
from microcalc.images.window import LARGER_THAN_WINDOW, is_cut

_MOSTLY = 0.5
_NEARLY_WHOLE = 0.85
_BRIGHTEST, _AROUND = 0.9, 0.25
MOST_UPSAMPLED = 1.5
"""How many times finer than the image a patch may be before it is flagged."""
HEADROOM = 0.8
"""Where the breast's 99th percentile lands in [0, 1]: calcifications are brighter than that."""


@dataclass(frozen=True, eq=False)
class Patch:
    """What goes on to the network, and what a person needs to judge it.

    Attributes
    ----------
    pixels
        (S, S) float32 in [0, 1], chest wall on the left.
    thumbnail
        (T, T) uint8, the whole image in the same orientation, ROI outlined, the surroundings of
        the breast black.
    picture
        (S, S) uint8, the patch for a person to look at: black where the thumbnail is.
    region
        The region at the spacing of its own pixels, in the same orientation; None unless asked.
    flipped, upside_down
        Whether left and right, and whether top and bottom, were exchanged.
    qc
        Quality control as JSON-like values.
    """

    pixels: NDArray[np.float32]
    thumbnail: NDArray[np.uint8]
    picture: NDArray[np.uint8]
    region: RegionImage | None
    flipped: bool
    upside_down: bool
    qc: dict[str, Any]


def extract(
    mammogram: Mammogram,
    roi: Roi,
    *,
    spacing_mm: float,
    patch_mm: float,
    thumbnail_px: int,
    normalization: str = "percentile",
    crop: str = "fixed",
    fit_margin_mm: float = 0.0,
    surround: float = 1.0,
    region_margin_mm: float | None = None,
) -> Patch:
    """Return the patch of `patch_mm` centered on `roi`, at `spacing_mm` a pixel.

    Grey levels are scaled from inside the breast (`HEADROOM`) and clipped to [0, 1]. Resampling
    is Pillow's, by a triangle as wide as the larger of the two pixels: it averages what it makes
    coarser, moves nothing (pixel centers stand at half-integers) and, with one thread, gives the
    same bytes on any number of cores. What lies beyond the image is 0.

    Parameters
    ----------
    mammogram
        The image.
    roi
        Box in stored pixels; it moves with the image when that is flipped.
    spacing_mm, patch_mm
        Pixel and side of the patch in mm.
    thumbnail_px
        Side of the thumbnail.
    crop
        "fixed" for a window of `patch_mm`; "fit" for a square window as long as the ROI's longer
        side plus `fit_margin_mm` at either end, brought to the same number of pixels.
    fit_margin_mm
        See `crop`.
    surround
        The window is this many times as long and has as many times the pixels.
    region_margin_mm
        How far the region's own pixels are kept beyond it; None for not at all.
    normalization
        "percentile", "z-score" (mean 0.5, one SD 0.15) or "none" (the full range of the file).

    Returns
    -------
    Patch
        `.pixels` is float32 in [0, 1], (S, S) with S = `surround` · `patch_mm` / `spacing_mm`; a
        thumbnail and a picture for people, uint8; and what quality control has to say.

    Raises
    ------
    StudyError
        When the ROI lies outside the image or outside the breast, a file draws it around nearly
        the whole breast, or all pixels of the patch are the same.

    Examples
    --------
    >>> from pydicom.data import get_testdata_file
    >>> from microcalc.images import dicom, patches
    >>> from microcalc.images.roi import Roi
    >>> path = get_testdata_file("MR_small.dcm")  # of pydicom: no mammogram, but a small grey image
    >>> mammogram = dicom.read_mammogram(path, image_id="C001_CC")
    >>> sizes = {"spacing_mm": 0.25, "patch_mm": 8.0, "thumbnail_px": 48}
    >>> patch = patches.extract(mammogram, Roi(20, 20, 40, 36), **sizes)
    >>> patch.pixels.shape, patch.thumbnail.shape, patch.qc["roi_width_mm"]
    ((32, 32), (48, 48), 6.25)
    """
    flags = [*check_inside(roi, mammogram.shape, image_id=mammogram.image_id), *roi.flags]
    as_given = roi
    if mammogram.bottom_up:
        mammogram, roi = mammogram.top_down, roi.reversed_rows(mammogram.shape[0])
    mammogram, breast, contrast = voi.shown(mammogram, roi)
    flipped = _is_flipped(mammogram, breast, flags)
    upside_down = _is_upside_down(mammogram)
    if upside_down:
        flags.append("turned_upright")
    scaled = _scaled_curve(mammogram, breast, normalization)
    in_breast = _part_in_breast(mammogram, breast, roi, as_given, flags)
    _refuse_whole_breast(mammogram, breast, roi, flags)
    size = round(patch_mm / spacing_mm)
    window_mm = size * spacing_mm
    longer = max(roi.size_mm(mammogram.spacing_mm))
    if crop == "fit":
        window_mm = longer + 2 * fit_margin_mm
    elif is_cut(longer, window_mm):
        flags.append(LARGER_THAN_WINDOW)
    window_mm *= round(size * surround) / size
    size = round(size * surround)
    if max(mammogram.spacing_mm) > MOST_UPSAMPLED * window_mm / size:
        flags.append("upsampled")
    if contrast < voi.LEAST_CONTRAST:
        flags.append("roi_without_contrast")
    pixels, outside = _resample(mammogram, scaled, roi.center, size, window_mm / size)
    thumbnail = pictures.thumbnail(mammogram, breast, scaled, roi, thumbnail_px)
    shown = pictures.near_breast(mammogram, breast, roi.center, size, window_mm / size)
    _refuse_constant(mammogram, pixels, shown)
    picture = np.where(shown, np.rint(pixels * 255), 0).astype(np.uint8)
    # The patch is centered on the ROI, so that flipping it is flipping the image with its ROI.
    upright = np.s_[:: -1 if upside_down else 1, :: -1 if flipped else 1]
    return Patch(
        pixels=np.ascontiguousarray(pixels[upright]),
        thumbnail=np.ascontiguousarray(thumbnail[upright]),
        picture=np.ascontiguousarray(picture[upright]),
        region=None
        if region_margin_mm is None
        else region_cut.cut(mammogram, breast, roi, margin_mm=region_margin_mm, upright=upright),
        flipped=flipped,
        upside_down=upside_down,
        qc=_quality(mammogram, breast, scaled, roi)
        | {
            "flipped": flipped,
            "window_mm": round(window_mm, 6),
            "roi_in_breast": round(in_breast, 6),
            "outside_image": round(outside, 6),
            "flags": ";".join(sorted({*mammogram.flags, *breast.flags, *flags})),
        },
    )


def _is_flipped(mammogram: Mammogram, breast: Breast, flags: list[str]) -> bool:
    """Say whether left and right must change places for the chest wall to lie on the left.

    The pixels decide, since archives flip images without touching their header; where they
    cannot (no edge prevails), PatientOrientation does (rows of a left breast lead to anterior),
    then the laterality. Whoever disagrees is reported.
    """
    by_header = {"A": "left", "P": "right"}.get(mammogram.row_direction[:1])
    by_side = {"L": "left", "R": "right"}.get(mammogram.laterality)
    chest_wall = breast.chest_wall or by_header or by_side
    if chest_wall is None:
        flags.append("side_unknown")
    if by_header and by_header != chest_wall:
        flags.append("orientation_contradiction")
    if by_side and by_side != chest_wall:
        flags.append("side_contradiction")
    return chest_wall == "right"


def _is_upside_down(mammogram: Mammogram) -> bool:
    """Say whether PatientOrientation puts the head, or in a CC view the inner side, on top.

    Columns lead to the feet in an oblique view and from the outer to the inner side in a
    cranio-caudal one (PS3.3 C.8.11.7: A, R and A, FR for the left breast). Nothing but this
    element tells which way up an image is.
    """
    down = mammogram.column_direction[:1]
    outward = mammogram.laterality if views.is_from_above(mammogram.view) else ""
    return down == "H" or (bool(down) and down == outward)


def _scaled_curve(mammogram: Mammogram, breast: Breast, normalization: str) -> NDArray[np.float32]:
    """Return the grey value in patch units of every possible stored cell, not clipped yet."""
    curve = mammogram.grey.curve.astype(np.float64)
    if normalization == "percentile":
        low, high = breast.levels
        scale = HEADROOM / (high - low) if high > low else 0.0
        scaled = (curve - low) * scale
    elif normalization == "z-score":
        scaled = 0.5 + 0.15 * (curve - breast.mean) / (breast.sd or 1.0)
    else:
        scaled = (curve - curve.min()) / ((curve.max() - curve.min()) or 1.0)
    scaled[mammogram.grey.padding] = 0.0
    return scaled.astype(np.float32)


def _resample(
    mammogram: Mammogram,
    scaled: NDArray[np.float32],
    center: tuple[float, float],
    size: int,
    spacing_mm: float,
) -> tuple[NDArray[np.float32], float]:
    """Return the window around `center` (x, y), and the part of it beyond the image."""
    # Columns first: x runs along a row, and its step is the spacing between columns.
    steps = [spacing_mm / s for s in reversed(mammogram.spacing_mm)]
    starts = [c - size * step / 2 for c, step in zip(center, steps, strict=True)]
    ends = [start + size * step for start, step in zip(starts, steps, strict=True)]
    reach = [ceil(max(step, 1.0)) + 1 for step in steps]
    lows = [floor(start) - r for start, r in zip(starts, reach, strict=True)]
    highs = [ceil(end) + r for end, r in zip(ends, reach, strict=True)]
    rows, columns = mammogram.shape
    x0, x1 = (min(max(v, 0), columns) for v in (lows[0], highs[0]))
    y0, y1 = (min(max(v, 0), rows) for v in (lows[1], highs[1]))
    window = np.zeros((highs[1] - lows[1], highs[0] - lows[0]), dtype=np.float32)
    window[y0 - lows[1] : y1 - lows[1], x0 - lows[0] : x1 - lows[0]] = np.take(
        scaled, mammogram.stored[y0:y1, x0:x1]
    )
    box = (starts[0] - lows[0], starts[1] - lows[1], ends[0] - lows[0], ends[1] - lows[1])
    resized = Image.fromarray(window).resize((size, size), Image.Resampling.BILINEAR, box=box)
    inside = [
        max(0.0, min(end, limit) - max(start, 0.0)) / (end - start)
        for start, end, limit in zip(starts, ends, (columns, rows), strict=True)
    ]
    return np.clip(np.asarray(resized), 0, 1), 1 - inside[0] * inside[1]


def _part_in_breast(
    mammogram: Mammogram, breast: Breast, roi: Roi, as_given: Roi, flags: list[str]
) -> float:
    """Return the part of the ROI that is breast; `as_given` is in the rows as they are stored.

    Raises
    ------
    StudyError
        When none of it is.
    """
    part = _mean_in(breast, roi)
    if part == 0 and "no_breast_found" not in breast.flags:
        raise StudyError(
            f"image {mammogram.image_id}: its ROI lies outside the breast"
            f"{_hint(mammogram, breast, roi, from_bottom=as_given != roi)}",
            detail=str(as_given),
        )
    if part < _MOSTLY:
        flags.append("roi_partly_outside_breast")
    return part


def _hint(mammogram: Mammogram, breast: Breast, roi: Roi, *, from_bottom: bool) -> str:
    """Return what is likely to be wrong with an ROI, or an image, of which the breast is no part.

    Where the polarity is wrong, air is the brightest there is and surrounds the breast; the breast
    touches one side.
    """
    lowest, highest = breast.values.min(), breast.values.max()
    bright = breast.values >= lowest + _BRIGHTEST * (highest - lowest)
    if bright[np.ix_((0, -1), (0, -1))].sum() >= 3 and bright.mean() > _AROUND:
        return (
            "; the image is brighter around the breast than in it, so that its polarity "
            "(PhotometricInterpretation) looks wrong"
        )
    reversed_rows = roi.reversed_rows(mammogram.shape[0])
    if (roi.drawn or from_bottom) and _mean_in(breast, reversed_rows) > 0:
        told = "images.roi_orientation" if roi.drawn else "the file counts them from the bottom"
        return f"; with its rows reversed it would lie inside ({told})"
    if roi.drawn:
        return ""
    return "; with x and y swapped it would lie inside" if _mean_in(breast, roi.swapped) else ""


def _refuse_whole_breast(mammogram: Mammogram, breast: Breast, roi: Roi, flags: list[str]) -> None:
    """Raise a StudyError when a file's ROI holds nearly the whole breast; flag a table's box."""
    rows, columns = (
        np.arange(n) * stride for n, stride in zip(breast.mask.shape, breast.stride, strict=True)
    )
    y = (rows >= roi.y0 - breast.stride[0] / 2) & (rows < roi.y1)
    x = (columns >= roi.x0 - breast.stride[1] / 2) & (columns < roi.x1)
    cells = breast.mask.sum()
    if not cells or breast.mask[np.ix_(y, x)].sum() <= _NEARLY_WHOLE * cells:
        return
    if roi.drawn:
        raise StudyError(
            f"image {mammogram.image_id}: its ROI file holds nearly the whole breast; a region of "
            "interest is a part of it",
            detail=str(roi),
        )
    flags.append("roi_holds_whole_breast")


def _refuse_constant(
    mammogram: Mammogram, pixels: NDArray[np.float32], near: NDArray[np.bool_]
) -> None:
    """Raise a StudyError when nothing can be seen in the part of a patch that is breast."""
    seen = pixels[near] if near.any() else pixels
    if seen.min() == seen.max():
        raise StudyError(
            f"image {mammogram.image_id}: its patch shows nothing: all pixels there have the same "
            "grey level; export the image again",
            detail=f"{seen.min():g}",
        )


def _mean_in(breast: Breast, roi: Roi) -> float:
    """Return the part of the grid cells that `roi` touches that are breast, 0 without any."""
    spans = []
    for low, high, stride, cells in (
        (roi.y0, roi.y1, breast.stride[0], breast.mask.shape[0]),
        (roi.x0, roi.x1, breast.stride[1], breast.mask.shape[1]),
    ):
        first = min(max(floor(low / stride), 0), cells)
        # An image's last pixels may stand for no cell of their own.
        spans.append(slice(min(first, cells - 1), max(min(ceil(high / stride), cells), first)))
    cells_in = breast.mask[spans[0], spans[1]]
    return float(cells_in.mean()) if cells_in.size else 0.0


def _quality(
    mammogram: Mammogram, breast: Breast, scaled: NDArray[np.float32], roi: Roi
) -> dict[str, Any]:
    grey = mammogram.grey
    tissue = breast.values[breast.mask]
    saturated = float((tissue >= grey.curve.max()).mean()) if tissue.size else 0.0
    rows, columns = mammogram.shape
    y0, x0 = (max(0, floor(v)) for v in (roi.y0, roi.x0))
    box = np.take(scaled, mammogram.stored[y0 : ceil(roi.y1), x0 : ceil(roi.x1)])
    seen = np.clip(box, 0, 1).ravel()
    low, high = coarse_grid.percentiles(seen, (5, 95), as_doubles=False) if seen.size else (0, 0)
    return {
        "rows": rows,
        "columns": columns,
        "spacing_source": mammogram.spacing_source,
        "spacing_row_mm": mammogram.spacing_mm[0],
        "spacing_column_mm": mammogram.spacing_mm[1],
        "laterality": mammogram.laterality,
        "voi": grey.voi,
        "inverted": grey.inverted,
        "breast_fraction": round(breast.fraction, 6),
        "saturation": round(saturated, 6),
        "roi_contrast": round(high - low, 6),
        "roi_width_mm": round(roi.size_mm(mammogram.spacing_mm)[0], 6),
        "roi_height_mm": round(roi.size_mm(mammogram.spacing_mm)[1], 6),
        "roi_specks": roi.specks,
        **mammogram.provenance,
    }
