"""Masks with a place in space (NIfTI, NRRD and MetaImage), brought into the rows of the image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microcalc.core.errors import StudyError
from microcalc.images import volumes
from microcalc.images.mammogram import Place
from microcalc.images.volumes import Volume

_ALONG = 0.9
_UNSURE = "roi_orientation_unsure"
_WHAT = "its ROI mask "


@dataclass(frozen=True, eq=False)
class VolumeMask:
    """A mask whose axes are the image's.

    Attributes
    ----------
    values
        (slices, rows, columns).
    offset
        Slice, row and column of the image's file where it begins: 3D Slicer crops a segmentation
        to what is drawn.
    cropped
        Whether it may be smaller than the image.
    names
        (name, value) of its segments.
    flags
        What was odd.
    """

    values: NDArray[Any]
    offset: tuple[int, int, int]
    cropped: bool
    names: list[tuple[str, int]]
    flags: tuple[str, ...]


def read(data: bytes, shape: tuple[int, int], *, orientation: str, place: Place) -> VolumeMask:
    r"""Return a mask in the image's own slices, rows and columns.

    Parameters
    ----------
    data
        The file.
    shape
        Rows and columns of the image.
    orientation
        See `microcalc.config.region_rules.Rules`.
    place
        The image's, whose axes the mask's are brought to. Where it has none, they are those that
        ITK gives to a mammogram: rows lead to the patient's left, columns to the back. On an image
        whose own file says nothing of directions, a mask is taken index by index.

    Returns
    -------
    VolumeMask
        Of the mask's own size, which is not compared with `shape`.

    Raises
    ------
    StudyError
        When pixels lie in a second file, the axes are not the image's, a NIfTI file does not say
        which way they run, or as `volumes.opened`.

    Examples
    --------
    >>> from microcalc.images import volume_masks
    >>> from microcalc.images.mammogram import Place
    >>> head = b"NRRD0004\ntype: uint8\ndimension: 2\nsizes: 3 2\nspacings: 0.1 0.1\n"
    >>> data = head + b"encoding: raw\n\n" + bytes([0, 0, 0, 0, 1, 1])
    >>> volume_masks.read(data, (2, 3), orientation="header", place=Place()).values
    array([[[0, 0, 0],
            [0, 1, 1]]], dtype=uint8)
    >>> volume_masks.read(data, (2, 3), orientation="rows_reversed", place=Place()).values
    array([[[0, 1, 1],
            [0, 0, 0]]], dtype=uint8)
    """
    volume = volumes.opened(data, what=_WHAT)
    stored = volume.values()
    order, signs = [0, 1, 2], [False, orientation == "rows_reversed", False]
    flags: list[str] = []
    if orientation == "header":
        order, signs = _turn(_axes(volume), place) if place.directed else (order, signs)
        flags = _unsure(volume, place)
    names, crop = _slicer(volume.metadata)
    # Three axes: slices, rows and columns, each with the image's extent behind it.
    turned = np.transpose(stored, order)
    offset = [(crop or (0, 0, 0))[axis] for axis in order]
    for axis, (whole, reverse) in enumerate(zip((place.frames, *shape), signs, strict=True)):
        # A single slice has no order.
        if reverse and (axis or turned.shape[0] > 1 or crop):
            offset[axis] = whole - offset[axis] - turned.shape[axis] if crop else 0
            turned = np.flip(turned, axis)
    first, row, column = offset
    return VolumeMask(turned, (first, row, column), crop is not None, names, tuple(flags))


def _axes(volume: Volume) -> NDArray[np.float64]:
    try:
        return volume.axes
    except volumes.SilentError as error:
        raise StudyError(
            f"its NIfTI mask {error.reason}; set images.roi_orientation to stored (as in the "
            "image) or rows_reversed (as dcm2niix writes a mammogram)"
        ) from None


def _unsure(volume: Volume, place: Place) -> list[str]:
    """Return the flag of a mask whose directions may be another image's, or made up.

    dcm2niix loses the spacing with the orientation, and viewers give both a default. A mask that
    was drawn on such a file has the same spacing as that file.
    """
    own = place.own_spacing_mm or place.spacing_mm
    spacing = (round(volume.spacing_mm[1], 6), round(volume.spacing_mm[0], 6))
    if place.directed:
        unsure = volume.form == volumes.NIFTI and spacing == (1.0, 1.0) != own
    else:
        unsure = not np.allclose(spacing, own, rtol=1e-3)
    return [_UNSURE] if unsure else []


def _turn(axes: NDArray[np.float64], place: Place) -> tuple[list[int], list[bool]]:
    """Return how slices, rows and columns are to be ordered, and which of them reversed."""
    ours = np.linalg.solve(place.axes, axes)
    along, strength = np.abs(ours).argmax(axis=0), np.abs(ours).max(axis=0)
    if sorted(along) != [0, 1, 2] or strength.min() < _ALONG:
        raise StudyError(
            "its ROI mask lies in another plane than the image; set images.roi_orientation, or "
            "draw it on the image itself"
        )
    # A file counts columns, rows, slices, an array the other way: its axis 2 - i is the i-th.
    order = [2 - int(np.flatnonzero(along == 2 - axis)[0]) for axis in range(3)]
    return order, [bool(ours[2 - axis, 2 - order[axis]] < 0) for axis in range(3)]


def _slicer(
    metadata: dict[str, str],
) -> tuple[list[tuple[str, int]], tuple[int, int, int] | None]:
    """Return names of segments and the (slice, row, column) of a crop, as 3D Slicer writes them."""
    names = []
    offset = None
    for key in sorted(metadata):
        if key == "Segmentation_ReferenceImageExtentOffset":
            column, row, first = (int(v) for v in metadata[key].split())
            offset = (first, row, column)
        if key.startswith("Segment") and key.endswith("_Name"):
            value = f"{key.removesuffix('_Name')}_LabelValue"
            if value in metadata:
                names.append((metadata[key], int(metadata[value])))
    return names, offset
