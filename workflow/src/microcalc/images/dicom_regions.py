"""Regions in DICOM: segmentation objects, structure sets, and images that serve as masks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from microcalc.core.errors import StudyError
from microcalc.core.files import digest_bytes
from microcalc.images import decoders
from microcalc.images.mammogram import Place
from microcalc.images.masks import Layer, refuse_frame, slice_of
from microcalc.images.outlines import Drawing

SEGMENTATIONS = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"

_NOT_OURS = "its ROI is a DICOM {} of another image (SOPInstanceUID differs)"


def segments(dataset: Dataset, *, uid_digest: str, place: Place, threshold: float) -> list[Layer]:
    """Return each segment of a DICOM SEG on one image or frame, however segments overlap.

    Parameters
    ----------
    dataset
        The segmentation.
    uid_digest
        `Mammogram.uid_digest`, to tell a segmentation of another image.
    place
        Which frame of the image.
    threshold
        What a pixel of a fractional segment must reach, of 1.

    Returns
    -------
    list of Layer
        In the order of the segments, each with the pixels of its image: bool, (rows, columns).

    Raises
    ------
    StudyError
        When it is another image's (SOPInstanceUID differs), its frames do not say which image they
        lie on, it draws nothing on this frame, or it cannot be decompressed.

    References
    ----------
    DICOM PS3.3 A.51 and C.8.20 (segmentation).

    Examples
    --------
    >>> import pydicom
    >>> from pydicom.data import get_testdata_file
    >>> from microcalc.core.files import digest_bytes
    >>> from microcalc.images import dicom_regions
    >>> from microcalc.images.mammogram import Place
    >>> dataset = pydicom.dcmread(get_testdata_file("liver_1frame.dcm"))  # of pydicom: a CT's liver
    >>> frame = dataset.PerFrameFunctionalGroupsSequence[0]
    >>> source = frame.DerivationImageSequence[0].SourceImageSequence[0]
    >>> digest = digest_bytes(source.ReferencedSOPInstanceUID.encode())
    >>> [layer] = dicom_regions.segments(dataset, uid_digest=digest, place=Place(), threshold=0.5)
    >>> layer.name, layer.number, layer.pixels.shape, int(layer.pixels.sum())
    ('Liver', '1', (512, 512), 36233)
    """
    import highdicom

    segmentation = highdicom.seg.Segmentation.from_dataset(
        decoders.decompressed(dataset), copy=False
    )
    sources = {str(uid) for _, _, uid in segmentation.get_source_image_uids()}
    ours = sorted(uid for uid in sources if digest_bytes(uid.encode()) == uid_digest)
    if not ours:
        raise StudyError(_NOT_OURS.format("SEG"))
    _refuse_other_frames(dataset, ours[0], place)
    return [
        Layer(
            segmentation.get_segment_description(number).segment_label,
            str(number),
            _segment(segmentation, ours[0], number, place) >= threshold,
        )
        for number in segmentation.segment_numbers
    ]


def _segment(segmentation: Any, uid: str, number: int, place: Place) -> NDArray[Any]:
    """Return one segment's pixels, (rows, columns) between 0 and 1; others do not cover it."""
    options = {
        "segment_numbers": [number],
        "ignore_spatial_locations": True,
        # A segmentation leaves out the frames on which a segment is empty.
        "assert_missing_frames_are_empty": True,
    }
    if place.frames > 1:
        pixels = segmentation.get_pixels_by_source_frame(
            uid, source_frame_numbers=[place.frame], **options
        )
    else:
        pixels = segmentation.get_pixels_by_source_instance([uid], **options)
    return np.asarray(pixels[0, :, :, 0])


def _refuse_other_frames(dataset: Dataset, uid: str, place: Place) -> None:
    """Raise a StudyError when the segmentation's frames do not tell theirs, or none is ours."""
    drawn: set[int] = set()
    told = False
    for group in dataset.get("PerFrameFunctionalGroupsSequence") or []:
        for derivation in group.get("DerivationImageSequence") or []:
            for source in derivation.get("SourceImageSequence") or []:
                if str(source.get("ReferencedSOPInstanceUID")) == uid:
                    told = True
                    numbers = source.get("ReferencedFrameNumber")
                    several = hasattr(numbers, "__len__")
                    drawn.update(map(int, numbers if several else [numbers or 1]))
    if not told:
        raise StudyError(
            "its ROI is a DICOM SEG whose frames do not say which image they lie on (derivation "
            "image sequence); save it with references to its source"
        )
    if place.frames > 1 and place.frame not in drawn:
        refuse_frame(place.frame, drawn)


def contours(
    dataset: Dataset, *, uid_digest: str, place: Place
) -> list[tuple[tuple[str, str], Drawing]]:
    """Return the contours of each ROI of an RT structure set on one image or frame.

    Contours stand in the patient's millimeters, so that the image must say where it lies.

    Parameters
    ----------
    dataset
        The structure set.
    uid_digest
        `Mammogram.uid_digest`, to tell contours of another image.
    place
        Where the image lies, and which frame it is.

    Returns
    -------
    list of tuple
        ((name, number as text), `Drawing` in stored pixels) of each ROI in the file, also of one
        without a contour on this image. Points are specks.

    Raises
    ------
    StudyError
        When the image does not say where it lies, a contour does not lie in its plane, or all are
        another image's or another frame's.

    References
    ----------
    DICOM PS3.3 C.8.8.5 and C.8.8.6 (structure set, ROI contours), C.7.6.2.1.1 (a pixel's place).

    Examples
    --------
    >>> from pydicom import Dataset
    >>> from microcalc.core.files import digest_bytes
    >>> from microcalc.images import dicom_regions
    >>> from microcalc.images.mammogram import Place
    >>> dataset, name, roi, contour, image = (Dataset() for _ in range(5))
    >>> name.ROINumber, name.ROIName, image.ReferencedSOPInstanceUID = 1, "mass", "1.2.3"
    >>> contour.ContourGeometricType, contour.ContourImageSequence = "CLOSED_PLANAR", [image]
    >>> contour.ContourData = [1, 1, 0, 3, 1, 0, 3, 2, 0, 1, 2, 0]  # 2 x 1 mm, as x, y, z
    >>> roi.ReferencedROINumber, roi.ContourSequence = 1, [contour]
    >>> dataset.StructureSetROISequence, dataset.ROIContourSequence = [name], [roi]
    >>> place = Place(spacing_mm=(0.1, 0.1), position=(0.0, 0.0, 0.0))  # the first pixel's middle
    >>> [(names, drawing)] = dicom_regions.contours(
    ...     dataset, uid_digest=digest_bytes(b"1.2.3"), place=place
    ... )
    >>> names, str(drawing.components[0].box)
    (('mass', '1'), 'x 10.5 to 30.5, y 10.5 to 20.5')
    """
    if place.position is None:
        raise StudyError(
            "its ROI is an RT structure set, which gives places in the patient, and the image "
            "does not say where it lies (ImagePositionPatient); export the region as DICOM SEG, "
            "or as a mask of the image's size"
        )
    names = {
        int(roi.ROINumber): str(roi.get("ROIName") or "")
        for roi in dataset.get("StructureSetROISequence") or []
    }
    found = []
    ours = frames = 0
    for roi in dataset.get("ROIContourSequence") or []:
        number = int(roi.ReferencedROINumber)
        drawing = Drawing()
        for contour in roi.get("ContourSequence") or []:
            sources = contour.get("ContourImageSequence") or []
            if not any(_is_source(source, uid_digest) for source in sources):
                continue
            ours += 1
            if all(_on_frame(source, place) for source in sources):
                frames += 1
                _add_contour(drawing, contour, names.get(number, ""), place)
        found.append(((names.get(number, ""), str(number)), drawing))
    if not ours:
        raise StudyError(_NOT_OURS.format("RT structure set"))
    if not frames:
        raise StudyError("its ROI file draws nothing on this frame", detail=f"frame {place.frame}")
    return found


def _is_source(source: Any, uid_digest: str) -> bool:
    uid = str(source.get("ReferencedSOPInstanceUID") or "")
    return digest_bytes(uid.encode()) == uid_digest


def _on_frame(source: Any, place: Place) -> bool:
    number = source.get("ReferencedFrameNumber")
    return number is None or int(number) == place.frame


def _add_contour(drawing: Drawing, contour: Any, name: str, place: Place) -> None:
    kind = str(contour.get("ContourGeometricType") or "")
    points = np.asarray(contour.ContourData, dtype=np.float64).reshape(-1, 3)
    if kind == "POINT":
        drawing.points(len(points))
        return
    # PS3.3 C.7.6.2.1.1: a pixel's middle lies at position + column step + row step.
    away = points - np.asarray(place.position)
    x, y, across = np.linalg.solve(place.axes, away.T)
    row_mm, column_mm = place.spacing_mm
    if place.frames == 1 and np.abs(across).max() > max(place.spacing_mm):
        raise StudyError(
            "its ROI is an RT structure set whose contour does not lie in the image's plane",
            detail=f"{np.abs(across).max():.1f} mm away",
        )
    drawing.polygon(list(zip(x / column_mm + 0.5, y / row_mm + 0.5, strict=True)), name)


def pixels(dataset: Dataset, place: Place) -> NDArray[Any]:
    """Return the pixels of a DICOM image that serves as a mask.

    Parameters
    ----------
    dataset
        The mask, compressed or not, in gray or color.
    place
        Which frame of the image it is for.

    Returns
    -------
    numpy.ndarray
        Integers, (rows, columns) or (rows, columns, channels).

    Raises
    ------
    StudyError
        When it has another number of frames than the image, or cannot be decompressed. Other
        exceptions mean a damaged file; `content_errors` tells of them.

    Examples
    --------
    >>> import numpy as np
    >>> from pydicom.dataset import Dataset, FileMetaDataset
    >>> from pydicom.uid import ExplicitVRLittleEndian
    >>> from microcalc.images import dicom_regions
    >>> from microcalc.images.mammogram import Place
    >>> dataset, dataset.file_meta = Dataset(), FileMetaDataset()
    >>> dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    >>> mask = np.array([[0, 1], [0, 1]], dtype=np.uint8)
    >>> dataset.set_pixel_data(mask, "MONOCHROME2", bits_stored=8)
    >>> dicom_regions.pixels(dataset, Place())
    array([[0, 1],
           [0, 1]], dtype=uint8)
    """
    values: NDArray[Any] = decoders.decompressed(dataset).pixel_array
    if int(dataset.get("NumberOfFrames") or 1) == 1:
        return values
    return np.asarray(values[slice_of(values.shape[0], place)])
