"""What a DICOM file's header tells an adapter; pixels stay unread."""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import pydicom

from microcalc.config import views
from microcalc.core.errors import StudyError
from microcalc.images import geometry
from microcalc.ingest.record import NotTakenError

VIEWS = views.STANDARD
_TAGS = [
    *("PatientID", "PatientAge", "StudyInstanceUID", "SOPInstanceUID", "Modality"),
    *("ImageLaterality", "FrameLaterality", "Laterality", "ViewPosition", "ViewCodeSequence"),
    *("Rows", "Columns", "NumberOfFrames"),
    *("PixelSpacing", "PixelSpacingCalibrationType", "ImagerPixelSpacing"),
    *("EstimatedRadiographicMagnificationFactor", "NominalScannedPixelSpacing"),
    *("DistanceSourceToDetector", "DistanceSourceToPatient"),
    *("SOPClassUID", "ImageType", "PresentationIntentType", "PaddleDescription"),
    *("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription"),
]
_RAW = "1.2.840.10008.5.1.4.1.1.1.2.1"
_TOMOSYNTHESIS = {
    "1.2.840.10008.5.1.4.1.1.13.1.3",
    "1.2.840.10008.5.1.4.1.1.13.1.4",
    "1.2.840.10008.5.1.4.1.1.13.1.5",
}
# ImageType's GENERATED_2D (PS3.3 C.8.21.3.1.1), and the names that vendors give such images.
_SYNTHETIC = re.compile(
    r"(?<![A-Z0-9])(GENERATED[ _]2D|TOMO_?2D|C[- ]?VIEW|S-?VIEW|V-?PREVIEW|INSIGHT[ _]?2D"
    r"|INTELLIGENT[ _]2D|SYN(TH)?[ _]?2D|SYNTHE(TIC|SI[SZ]ED))(?![A-Z])"
)
_PARTICULARS = {
    "SPOT": re.compile(r"(?<![A-Z])SPOT(?![A-Z])"),
    "MAG": re.compile(r"(?<![A-Z])MAG(N|NIF(IED|ICATION))?(?![A-Z])"),
}
# What software for removing names writes in place of a PatientID.
_NOBODY = re.compile(
    r"(anon(ym(i[sz]ed|ous|us)?)?|de-?identified|removed|unknown|none|null|no ?name|n/?a|0+|x+|id)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Header:
    """Facts of one image.

    Attributes
    ----------
    path
        Relative to the collection's folder.
    patient_id
        As the file says it; empty for what stands in place of one, such as ANONYMOUS.
    study_uid, instance_uid, modality
        As the file says them.
    side
        L, R or empty.
    view
        A canonical view (`microcalc.config.views`). That it is a spot compression or a
        magnification may also be said by the descriptions of series and paddle.
    shape
        Rows and columns.
    n_frames
        1 for an ordinary mammogram.
    age
        In whole years, as text; empty without one.
    has_spacing
        Whether the file gives a pixel spacing that can be believed.
    is_raw
        Whether it is FOR PROCESSING.
    is_synthetic
        Whether it is a 2-D image that was computed from tomosynthesis.
    is_tomosynthesis
        Whether it is a slice or projection of tomosynthesis.
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
    is_raw: bool
    is_synthetic: bool
    is_tomosynthesis: bool


def read(folder: Path, path: str) -> Header:
    """Return the header of an image, its pixels unread.

    Parameters
    ----------
    folder
        The collection's folder.
    path
        The file's path, relative to it.

    Raises
    ------
    NotTakenError
        When there is no such file, or it is no DICOM image.
    OSError
        When it is there and cannot be read from disk.
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


def is_dicom(path: Path) -> bool:
    """Return whether a file is a DICOM object of any kind."""
    return pydicom.misc.is_dicom(path)


def refuse_special(header: Header) -> None:
    """Refuse what is no plain CC or MLO view of one breast.

    Parameters
    ----------
    header
        Of an image, see `read`.

    Raises
    ------
    NotTakenError
        When it is of tomosynthesis or another view, or does not say its view and side.
    """
    if header.n_frames > 1:
        raise NotTakenError("tomosynthesis or another object of several frames")
    if header.is_synthetic:
        raise NotTakenError("a synthetic 2-D image, computed from tomosynthesis")
    if header.is_tomosynthesis:
        raise NotTakenError("a slice or projection of tomosynthesis")
    refuse_view(header.view)
    if not header.view:
        raise NotTakenError("its file says nothing about the view")
    if not header.side:
        raise NotTakenError("its file says nothing about the side")


def refuse_view(view: str) -> None:
    """Refuse a canonical view that is there and is no plain CC or MLO; an empty one is let through.

    Raises
    ------
    NotTakenError
        When it is another.

    Examples
    --------
    >>> from microcalc.ingest import headers
    >>> headers.refuse_view("MLO")
    >>> headers.refuse_view("CC MAG")
    Traceback (most recent call last):
        ...
    microcalc.ingest.record.NotTakenError: magnification view
    """
    particulars = views.modifiers(view)
    if "MAG" in particulars:
        raise NotTakenError("magnification view")
    if "SPOT" in particulars:
        raise NotTakenError("spot compression view")
    if view and view not in VIEWS:
        raise NotTakenError("a view other than CC and MLO")


def _of(dataset: pydicom.Dataset, path: str) -> Header:
    flags: list[str] = []
    try:
        geometry.spacing(dataset, None, flags)
        has_spacing = True
    except StudyError:
        has_spacing = False
    patient = _text(dataset, "PatientID").strip()
    image_type = _text(dataset, "ImageType").upper()
    described = _text(dataset, "SeriesDescription").upper()
    made = " ".join(
        [image_type, described]
        + [
            _text(dataset, keyword).upper()
            for keyword in ("ProtocolName", "AcquisitionDeviceProcessingDescription")
        ]
    )
    sop_class = _text(dataset, "SOPClassUID")
    return Header(
        path=path,
        patient_id="" if _NOBODY.fullmatch(patient) else patient,
        study_uid=_text(dataset, "StudyInstanceUID"),
        instance_uid=_text(dataset, "SOPInstanceUID"),
        modality=_text(dataset, "Modality"),
        side=geometry.laterality(dataset, "", flags),
        view=_view(dataset, f"{described} {_text(dataset, 'PaddleDescription').upper()}"),
        shape=(int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)),
        n_frames=int(dataset.get("NumberOfFrames") or 1),
        age=_years(_text(dataset, "PatientAge")),
        has_spacing=has_spacing,
        is_raw=sop_class == _RAW
        or _text(dataset, "PresentationIntentType").upper() == "FOR PROCESSING",
        is_synthetic=bool(_SYNTHETIC.search(made)),
        is_tomosynthesis=sop_class in _TOMOSYNTHESIS or "TOMO" in image_type,
    )


def _text(dataset: pydicom.Dataset, keyword: str) -> str:
    """Return an element as text; several values are separated by spaces."""
    value = dataset.get(keyword)
    if isinstance(value, pydicom.multival.MultiValue):
        return " ".join(map(str, value))
    return str(value or "")


def _view(dataset: pydicom.Dataset, described: str) -> str:
    view = geometry.view(dataset, "", [])
    particulars = {name for name, word in _PARTICULARS.items() if word.search(described)}
    return views.joined(views.projection(view), particulars | set(views.modifiers(view)))


def _years(age: str) -> str:
    """Return an Age String (DICOM PS3.5, 6.2) such as 058Y in years."""
    digits = age.strip().upper().removesuffix("Y")
    return str(int(digits)) if digits.isdigit() else ""
