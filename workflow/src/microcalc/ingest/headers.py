"""What a DICOM file's header tells an adapter; pixels stay unread."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import pydicom

from microcalc.core.errors import StudyError
from microcalc.images import geometry
from microcalc.ingest.record import NotTakenError

VIEWS = ("CC", "MLO")
_TAGS = [
    *("PatientID", "PatientAge", "StudyInstanceUID", "SOPInstanceUID", "Modality"),
    *("ImageLaterality", "FrameLaterality", "Laterality", "ViewPosition", "ViewCodeSequence"),
    *("Rows", "Columns", "NumberOfFrames"),
    *("PixelSpacing", "PixelSpacingCalibrationType", "ImagerPixelSpacing"),
    *("EstimatedRadiographicMagnificationFactor", "NominalScannedPixelSpacing"),
]


@dataclass(frozen=True)
class Header:
    """Facts of one image.

    Attributes
    ----------
    path
        Relative to the collection's folder.
    patient_id, study_uid, instance_uid, modality
        As the file says them.
    side
        L, R or empty.
    view
        "CC", "MLO", another view in the file's words, or empty. From ViewCodeSequence where
        ViewPosition is empty.
    shape
        Rows and columns.
    n_frames
        1 for an ordinary mammogram.
    age
        In whole years, as text; empty without one.
    has_spacing
        Whether the file gives a pixel spacing that can be believed.
    magnified
        Whether it is a magnification view.
    """

    path: str
    patient_id: str
    study_uid: str
    instance_uid: str
    modality: str
    side: str
    view: str
    shape: tuple[int, int]
    n_frames: int
    age: str
    has_spacing: bool
    magnified: bool


def read(folder: Path, path: str) -> Header:
    """Return the header of an image.

    Raises
    ------
    NotTakenError
        When there is no such file, or it is no DICOM image.
    """
    if not (folder / path).is_file():
        raise NotTakenError("its image is not under the source folder")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(folder / path, stop_before_pixels=True, specific_tags=_TAGS)
            header = _of(dataset, path)
        except OSError:
            raise
        except pydicom.errors.InvalidDicomError:
            raise NotTakenError("not a DICOM file") from None
        except Exception:
            # A damaged header raises every kind of exception.
            raise NotTakenError("its DICOM header cannot be read") from None
    if not all(header.shape):
        raise NotTakenError("a DICOM object without an image")
    return header


def refuse_special(header: Header) -> None:
    """Raise NotTakenError for what is no plain CC or MLO view of one breast."""
    if header.n_frames > 1:
        raise NotTakenError("tomosynthesis or another object of several frames")
    if header.magnified:
        raise NotTakenError("magnification view")
    if header.view not in VIEWS:
        raise NotTakenError("a view other than CC and MLO")
    if not header.side:
        raise NotTakenError("its file says nothing about the side")


def _of(dataset: pydicom.Dataset, path: str) -> Header:
    flags: list[str] = []
    try:
        geometry.spacing(dataset, None, flags)
        has_spacing = True
    except StudyError:
        has_spacing = False
    return Header(
        path=path,
        patient_id=str(dataset.get("PatientID") or "").strip(),
        study_uid=str(dataset.get("StudyInstanceUID") or ""),
        instance_uid=str(dataset.get("SOPInstanceUID") or ""),
        modality=str(dataset.get("Modality") or ""),
        side=geometry.laterality(dataset, "", flags),
        view=geometry.view(dataset, "", flags),
        shape=(int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)),
        n_frames=int(dataset.get("NumberOfFrames") or 1),
        age=_years(str(dataset.get("PatientAge") or "")),
        has_spacing=has_spacing,
        magnified="magnification_view" in flags,
    )


def _years(age: str) -> str:
    """Return an Age String (DICOM PS3.5, 6.2) such as 058Y in years."""
    digits = age.strip().upper().removesuffix("Y")
    return str(int(digits)) if digits.isdigit() else ""
