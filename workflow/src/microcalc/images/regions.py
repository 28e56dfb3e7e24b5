"""The region of interest from whatever file a reader drew it in: mask, polygon or box."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microcalc.config.image_settings import PatchSettings
from microcalc.config.region_rules import Rules
from microcalc.core.errors import StudyError
from microcalc.images import (
    components,
    dicom,
    dicom_regions,
    masks,
    outlines,
    volume_masks,
    volumes,
)
from microcalc.images.content import content_errors
from microcalc.images.mammogram import Place
from microcalc.images.masks import Layer
from microcalc.images.outlines import Drawing
from microcalc.images.roi import Roi


def from_file(
    data: bytes,
    *,
    image_id: str,
    shape: tuple[int, int],
    label: str = "",
    file_name: str = "",
    uid_digest: str = "",
    place: Place | None = None,
    rules: Rules | None = None,
) -> Roi:
    """Return the box around the one region in a mask or annotation file.

    The kind is told by the content: a mask as PNG, TIFF, JPEG, BMP, NIfTI, NRRD or MHA (ITK-SNAP,
    3D Slicer), as DICOM SEG or a plain DICOM image; contours of an RT structure set; polygons,
    boxes and ellipses from LabelMe or COCO JSON, CVAT or Pascal VOC XML, or YOLO text.

    A region is an 8-connected component, or shapes that overlap or touch, under one label.

    Parameters
    ----------
    data
        The file's bytes.
    image_id
        The image's name in every message; a file of several images may know the image by it.
    shape
        Rows and columns of the image.
    label
        Which region, when the file names several: a mask's value, or a segment's, LabelMe label's
        or COCO category's name or number.
    file_name
        Name of the image's file, by which a file of several images knows it.
    uid_digest
        `Mammogram.uid_digest`, to tell a DICOM region of another image.
    place
        `Mammogram.place`: without it, pixels of 1 mm and a file of one image.
    rules
        What happens to several regions, specks and directions; the defaults refuse what is
        ambiguous.

    Returns
    -------
    Roi
        The box, in stored pixels, with the file's flags.

    Raises
    ------
    StudyError
        When the file is damaged, of another size than the image, empty, ambiguous, nearly the
        whole image or everything but the region, or lacks the label.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from PIL import Image
    >>> from microcalc.images import regions
    >>> mask, file = np.zeros((100, 200), dtype=np.uint8), io.BytesIO()
    >>> mask[45:55, 80:120] = 255
    >>> Image.fromarray(mask).save(file, "PNG")
    >>> str(regions.from_file(file.getvalue(), image_id="C001_CC", shape=(100, 200)))
    'x 80 to 120, y 45 to 55'
    >>> yolo = b"0 0.5 0.5 0.2 0.1"
    >>> str(regions.from_file(yolo, image_id="C001_CC", shape=(100, 200)))
    'x 80 to 120, y 45 to 55'
    """
    rules, place = rules or PatchSettings().region_rules, place or Place()
    with content_errors(image_id, "its ROI file"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flags: tuple[str, ...] = ()
        if outlines.is_outlines(data):
            known_as = {image_id, Path(file_name).name, Path(file_name).stem} - {""}
            drawing = outlines.read(data, shape, label=label, known_as=known_as)
        elif data[128:132] == b"DICM":
            drawing = _of_dicom(data, shape, label, uid_digest, place, rules)
        elif volumes.is_volume(data):
            layers, flags = _of_volume(data, shape, place, rules)
            drawing = _components(layers, label, place, rules)
        elif data.startswith(masks.SIGNATURES):
            drawing = _components(_of_picture(data, shape, place, rules), label, place, rules)
        else:
            raise StudyError(
                "its ROI file is empty or of no kind that is read (docs/images.md lists them)"
            )
        roi = components.one(
            drawing.components, drawing.specks, rules=rules, spacing_mm=place.spacing_mm
        )
        return components.refuse_whole(roi.flagged(*flags), shape)


def _components(layers: list[Layer], label: str, place: Place, rules: Rules) -> Drawing:
    """Return the components of the layers called `label`, of each layer without one."""
    drawing = Drawing()
    least = rules.speck_mm2 / (place.spacing_mm[0] * place.spacing_mm[1])
    layers = masks.chosen(layers, label)
    if label:
        # Segments may share a name: they are one region where they touch.
        pixels = np.logical_or.reduce([layer.pixels for layer in layers])
        layers = [Layer(layers[0].name, layers[0].number, pixels)]
    several = len(layers) > 1
    for layer in layers:
        masks.refuse_inverted(layer)
        found, specks = components.of_mask(layer.pixels, layer.name if several else "", least=least)
        drawing.components += found
        drawing.specks += specks
    return drawing


def _of_picture(data: bytes, shape: tuple[int, int], place: Place, rules: Rules) -> list[Layer]:
    pages = masks.pages(data)
    page = masks.slice_of(pages, place) + 1 if pages > 1 else None
    layers = masks.of_picture(data, page, threshold=rules.threshold)
    if layers:
        _check_shape(layers[0].pixels.shape, shape)
    return layers


def _of_volume(
    data: bytes, shape: tuple[int, int], place: Place, rules: Rules
) -> tuple[list[Layer], tuple[str, ...]]:
    volume = volume_masks.read(data, shape, orientation=rules.orientation, place=place)
    first, *corner = volume.offset
    index = masks.slice_of(volume.values.shape[0], place, first, cropped=volume.cropped)
    values = volume.values[index]
    if volume.cropped:
        values = _placed(values, (corner[0], corner[1]), shape)
    _check_shape(values.shape, shape)
    if volume.names:
        return masks.of_labels(values, volume.names), volume.flags
    return masks.of_gray(values, threshold=rules.threshold), volume.flags


def _placed(values: NDArray[Any], offset: tuple[int, int], shape: tuple[int, int]) -> NDArray[Any]:
    ends = tuple(o + n for o, n in zip(offset, values.shape, strict=True))
    if min(offset) < 0 or ends[0] > shape[0] or ends[1] > shape[1]:
        raise StudyError(
            "its ROI mask reaches beyond the image",
            detail=f"to row {ends[0]} and column {ends[1]}; the image has {shape[0]} rows and "
            f"{shape[1]} columns",
        )
    whole = np.zeros(shape, dtype=values.dtype)
    whole[offset[0] : ends[0], offset[1] : ends[1]] = values
    return whole


def _of_dicom(
    data: bytes,
    shape: tuple[int, int],
    label: str,
    uid_digest: str,
    place: Place,
    rules: Rules,
) -> Drawing:
    dataset = dicom.parse(data)
    if dataset.SOPClassUID == dicom_regions.STRUCTURE_SET:
        found = dicom_regions.contours(dataset, uid_digest=uid_digest, place=place)
        return outlines.merged(found, label)
    # What a mask unpacks to is looked at once its size is known to be the image's.
    _check_shape((int(dataset.Rows), int(dataset.Columns)), shape)
    if dataset.SOPClassUID in dicom_regions.SEGMENTATIONS:
        layers = dicom_regions.segments(
            dataset, uid_digest=uid_digest, place=place, threshold=rules.threshold
        )
    else:
        values = dicom_regions.pixels(dataset, place)
        layers = masks.of_colors(values, threshold=rules.threshold)
    return _components(layers, label, place, rules)


def _check_shape(found: tuple[int, ...], shape: tuple[int, int]) -> None:
    if found != shape:
        turned = "; rows and columns look swapped" if found == shape[::-1] else ""
        raise StudyError(
            f"its ROI mask is of another size than the image{turned}",
            detail=f"{found[0]} rows and {found[1]} columns; the image has {shape[0]} and "
            f"{shape[1]}",
        )
