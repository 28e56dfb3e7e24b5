"""The region of interest from whatever file a reader drew it in: mask or polygon."""

import io
import json
import math
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microcalc.errors import StudyError
from microcalc.images import dicom
from microcalc.images.content import MOST_PIXELS, content_errors
from microcalc.images.roi import Roi

_SEGMENTATION_CLASSES = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}


def from_file(
    data: bytes,
    *,
    image_id: str,
    shape: tuple[int, int],
    label: str = "",
    file_name: str = "",
    uid_digest: str = "",
) -> Roi:
    """Return the box around the region in a mask or annotation file.

    The kind is told by the content: a mask as PNG, TIFF, NIfTI, NRRD (ITK-SNAP, 3D Slicer),
    DICOM SEG or a plain DICOM image; polygons, boxes and circles from LabelMe or COCO JSON.

    Parameters
    ----------
    data
        The file's bytes.
    image_id
        The image's name in every message; a COCO file may know the image by it.
    shape
        Rows and columns of the image.
    label
        Which region, when the file has several: a mask's value, or a segment's, LabelMe label's
        or COCO category's name or number. Without it, all regions together are one.
    file_name
        Name of the image's file, by which a COCO file of several images knows it.
    uid_digest
        `Mammogram.uid_digest`, to tell a DICOM SEG of another image.

    Returns
    -------
    Roi
        The box, in stored pixels.

    Raises
    ------
    StudyError
        When the file is damaged, of another size than the image, empty, or lacks the region.
    """
    with content_errors(image_id, "its ROI file"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if data.lstrip()[:1] in {b"{", b"["}:
            known_as = {image_id, Path(file_name).name, Path(file_name).stem} - {""}
            return _around(_points(json.loads(data), shape, label, known_as))
        return _box(_mask(data, shape, label, uid_digest))


def _box(mask: NDArray[np.bool_]) -> Roi:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Roi(float(columns[0]), float(rows[0]), float(columns[-1]) + 1, float(rows[-1]) + 1)


def _mask(data: bytes, shape: tuple[int, int], label: str, uid_digest: str) -> NDArray[np.bool_]:
    names: dict[str, int] = {}
    offset = (0, 0)
    if data[128:132] == b"DICM":
        values, names = _from_dicom(data, shape, uid_digest)
    elif data.startswith((b"\x89PNG", b"II*\0", b"MM\0*")):
        values = _from_raster(data)
    else:
        values, names, offset = _from_itk(data)
    if offset != (0, 0):
        values = _placed(values, offset, shape)
    _check_shape(values.shape, shape)
    mask = np.asarray(values != 0)
    if label:
        mask = np.asarray(values == _value_of(label, names))
    if not mask.any():
        raise StudyError(f"its ROI mask is empty{f' for label {label!r}' if label else ''}")
    return mask


def _check_shape(found: tuple[int, ...], shape: tuple[int, int]) -> None:
    if found != shape:
        turned = "; rows and columns look swapped" if found == shape[::-1] else ""
        raise StudyError(
            f"its ROI mask has {found[0]} rows and {found[1]} columns, the image "
            f"has {shape[0]} and {shape[1]}{turned}"
        )


def _value_of(label: str, names: dict[str, int]) -> int:
    if label in names:
        return names[label]
    try:
        return int(label)
    except ValueError:
        offered = ", ".join(sorted(names)) or "numbers only"
        raise StudyError(f"its ROI mask has no region {label!r}; it has {offered}") from None


def _from_raster(data: bytes) -> NDArray[Any]:
    from PIL import Image

    image = Image.open(io.BytesIO(data), formats=("PNG", "TIFF"))
    if image.size[0] * image.size[1] > MOST_PIXELS:
        raise StudyError("its ROI mask claims more pixels than a mammogram has")
    values = np.asarray(image)
    if values.ndim == 3:
        # An opaque background is no region: transparency alone draws nothing.
        colors = values[:, :, :3] if values.shape[2] >= 3 else values[:, :, :1]
        values = colors.max(axis=2)
    return values


def _from_itk(data: bytes) -> tuple[NDArray[Any], dict[str, int], tuple[int, int]]:
    """Return labels, their names and the (row, column) where a cropped segmentation begins."""
    import SimpleITK

    itk: Any = SimpleITK

    suffix = ".nrrd" if data.startswith(b"NRRD") else ".nii"
    if data.startswith(b"\x1f\x8b"):
        suffix = ".nii.gz"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mask" + suffix)
        path.write_bytes(data)
        reader = itk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        if math.prod(reader.GetSize()) > MOST_PIXELS:
            raise StudyError("its ROI mask claims more pixels than a mammogram has")
        if reader.GetNumberOfComponents() != 1:
            raise StudyError("its ROI mask has several layers; export one label map")
        image = reader.Execute()
    values = itk.GetArrayFromImage(image)
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 2:
        raise StudyError(f"its ROI mask has {values.shape[0]} slices; a mammogram's has one")
    names = {}
    offset = (0, 0)
    for key in image.GetMetaDataKeys():
        # 3D Slicer crops a segmentation to what is drawn, and says where that lies.
        if key == "Segmentation_ReferenceImageExtentOffset":
            column, row, _ = (int(v) for v in image.GetMetaData(key).split())
            offset = (row, column)
        if key.startswith("Segment") and key.endswith("_Name"):
            value = f"{key.removesuffix('_Name')}_LabelValue"
            if image.HasMetaDataKey(value):
                names[image.GetMetaData(key)] = int(image.GetMetaData(value))
    return values, names, offset


def _placed(values: NDArray[Any], offset: tuple[int, int], shape: tuple[int, int]) -> NDArray[Any]:
    ends = tuple(o + n for o, n in zip(offset, values.shape, strict=True))
    if min(offset) < 0 or ends[0] > shape[0] or ends[1] > shape[1]:
        raise StudyError(
            f"its ROI mask reaches to row {ends[0]} and column {ends[1]}, the image has "
            f"{shape[0]} rows and {shape[1]} columns"
        )
    whole = np.zeros(shape, dtype=values.dtype)
    whole[offset[0] : ends[0], offset[1] : ends[1]] = values
    return whole


def _from_dicom(
    data: bytes, shape: tuple[int, int], uid_digest: str
) -> tuple[NDArray[Any], dict[str, int]]:
    """Return the labels in a DICOM SEG, or the pixels of a DICOM image that serves as a mask."""
    dataset = dicom.parse(data)
    # What a mask unpacks to is looked at once its size is known to be the image's.
    _check_shape((int(dataset.Rows), int(dataset.Columns)), shape)
    if dataset.SOPClassUID not in _SEGMENTATION_CLASSES:
        return np.squeeze(dataset.pixel_array), {}
    return _from_segmentation(dataset, uid_digest)


def _from_segmentation(dataset: Any, uid_digest: str) -> tuple[NDArray[Any], dict[str, int]]:
    import highdicom

    from microcalc.files import digest_bytes

    segmentation = highdicom.seg.Segmentation.from_dataset(dataset, copy=False)
    names = {
        segmentation.get_segment_description(number).segment_label: number
        for number in segmentation.segment_numbers
    }
    sources = [uid for _, _, uid in segmentation.get_source_image_uids()]
    ours = [uid for uid in sources if digest_bytes(str(uid).encode()) == uid_digest]
    if not ours:
        raise StudyError("its ROI is a DICOM SEG of another image (SOPInstanceUID differs)")
    labels = segmentation.get_pixels_by_source_instance(
        ours[:1], combine_segments=True, skip_overlap_checks=True, ignore_spatial_locations=True
    )
    return labels[0], names


def _around(points: NDArray[np.float64]) -> Roi:
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    if not (x0 < x1 and y0 < y1):
        raise StudyError("its ROI polygon has no area")
    return Roi(float(x0), float(y0), float(x1), float(y1))


def _points(
    content: Any, shape: tuple[int, int], label: str, known_as: set[str]
) -> NDArray[np.float64]:
    """Return the corners (n, 2) of all regions, x before y."""
    if isinstance(content, dict) and "shapes" in content:
        corners = _from_labelme(content, shape, label)
    elif isinstance(content, dict) and "annotations" in content:
        corners = _from_coco(content, shape, label, known_as)
    else:
        raise StudyError("its ROI file is JSON, but neither LabelMe's nor COCO's")
    if not corners:
        raise StudyError(f"its ROI file has no region{f' labelled {label!r}' if label else ''}")
    return np.asarray(corners, dtype=np.float64)


def _check_size(found: tuple[Any, Any], shape: tuple[int, int]) -> None:
    if None not in found and found != shape:
        raise StudyError(
            f"its ROI file was drawn on an image of {found[0]} rows and {found[1]} columns; this "
            f"one has {shape[0]} and {shape[1]}"
        )


def _from_labelme(content: Any, shape: tuple[int, int], label: str) -> list[list[float]]:
    _check_size((content.get("imageHeight"), content.get("imageWidth")), shape)
    corners: list[list[float]] = []
    for drawn in content["shapes"]:
        if label and str(drawn.get("label")) != label:
            continue
        points = [[float(x), float(y)] for x, y in drawn["points"]]
        if drawn.get("shape_type") == "circle":
            (x, y), edge = points
            radius = float(np.hypot(edge[0] - x, edge[1] - y))
            points = [[x - radius, y - radius], [x + radius, y + radius]]
        corners += points
    return corners


def _from_coco(
    content: Any, shape: tuple[int, int], label: str, known_as: set[str]
) -> list[list[float]]:
    images = content.get("images") or []
    if len(images) > 1:
        images = [image for image in images if known_as & _names_of(image)]
    if len(images) != 1:
        raise StudyError(
            "its ROI file is COCO's and tells this image by neither its image_id nor its file name"
        )
    _check_size((images[0].get("height"), images[0].get("width")), shape)
    wanted = {str(c["id"]) for c in content.get("categories", []) if c.get("name") == label}
    corners: list[list[float]] = []
    for annotation in content["annotations"]:
        category = str(annotation.get("category_id"))
        if annotation["image_id"] != images[0]["id"] or (
            label and category not in {label, *wanted}
        ):
            continue
        polygons = annotation.get("segmentation")
        if isinstance(polygons, list) and polygons:
            corners += _pairs(number for polygon in polygons for number in polygon)
        else:
            # Run-length coded regions: COCO gives every annotation its box.
            x, y, width, height = (float(v) for v in annotation["bbox"])
            corners += [[x, y], [x + width, y + height]]
    return corners


def _names_of(image: Any) -> set[str]:
    name = str(image.get("file_name", ""))
    return {name, Path(name).name, Path(name).stem, str(image.get("id"))} - {""}


def _pairs(numbers: Iterable[float]) -> list[list[float]]:
    flat = [float(v) for v in numbers]
    return [list(pair) for pair in zip(flat[::2], flat[1::2], strict=True)]
