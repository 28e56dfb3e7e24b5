"""Exposures as DICOM: Digital Mammography X-Ray Image Storage - For Presentation."""

import datetime
import io
import uuid

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEGLosslessSV1,
)

from microcalc.core.seeds import derive
from microcalc.plan.phantom_folder import MARK
from microcalc.simulate.phantom import Phantom
from microcalc.simulate.scanner import Exposure, Scanner, scanner_of

_FAMILY = uuid.UUID("8c1f8a3e-6f0b-5a55-9d2c-6d6963726f63")
_VIEW_CODES = {"CC": ("399162004", "cranio-caudal"), "MLO": ("399368009", "medio-lateral oblique")}
_FAMILY_NAMES = ("Ash", "Birch", "Cedar", "Elm", "Hazel", "Holly", "Juniper", "Larch", "Linden")
_GIVEN_NAMES = ("Ada", "Bea", "Cleo", "Dora", "Edith", "Flora", "Greta", "Hilda", "Ines", "Jutta")


def uid(*names: str | int) -> UID:
    """Return the UID called `names`: a name-based UUID under 2.25 (DICOM PS3.5, B.2).

    Examples
    --------
    >>> from microcalc.simulate import phantom_dicom
    >>> phantom_dicom.uid(1, "image", "C001_CC") == phantom_dicom.uid(1, "image", "C001_CC")
    True
    """
    return UID(f"2.25.{uuid.uuid5(_FAMILY, '/'.join(map(str, names))).int}")


def build(phantom: Phantom, exposure: Exposure, *, seed: int) -> FileDataset:
    """Return a complete data set, a pure function of its arguments.

    Patient name, hospital number and dates are invented; the hospital number is neither
    `case_id` nor `patient_id`.

    Parameters
    ----------
    phantom
        Latent truth, of which only names, view and geometry are written.
    exposure
        Its stored image, from `scanner.expose`.
    seed
        The study's; UIDs and names come from it.

    Raises
    ------
    StudyError
        When the demo has no such center.
    """
    scanner = scanner_of(phantom.center)
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = uid(seed, "image", phantom.image_id)
    meta.TransferSyntaxUID = JPEGLosslessSV1 if scanner.compressed else ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(MARK.decode())
    meta.ImplementationVersionName = "MICROCALC_DEMO"
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    _add_patient_and_study(dataset, phantom, scanner, seed)
    _add_view(dataset, phantom)
    _add_detector(dataset, phantom, scanner, seed)
    _add_pixels(dataset, exposure, scanner)
    return dataset


def _add_patient_and_study(dataset: Dataset, phantom: Phantom, scanner: Scanner, seed: int) -> None:
    person = derive(seed, "person", phantom.patient_id)
    surname = _FAMILY_NAMES[person % len(_FAMILY_NAMES)]
    given = _GIVEN_NAMES[person // 100 % len(_GIVEN_NAMES)]
    dataset.PatientName = f"{surname}^{given}"
    dataset.PatientID = f"H{person // 10_000 % 10**9:09d}"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "F"
    day = datetime.date(2019, 1, 1) + datetime.timedelta(days=person // 1000 % 1400)
    minute = person // 7 % 480
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = day.strftime("%Y%m%d")
    dataset.ContentDate = dataset.StudyDate
    start = 8 * 60 + minute
    dataset.StudyTime = dataset.SeriesTime = f"{start // 60:02d}{start % 60:02d}00"
    second = 20 if phantom.view == "CC" else 50
    dataset.AcquisitionTime = f"{start // 60:02d}{start % 60:02d}{second:02d}"
    dataset.ContentTime = dataset.AcquisitionTime
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = "1"
    dataset.StudyInstanceUID = uid(seed, "study", phantom.case_id)
    dataset.SeriesInstanceUID = uid(seed, "series", phantom.case_id)
    dataset.SeriesNumber = 1
    dataset.InstanceNumber = 1 if phantom.view == "CC" else 2
    dataset.Modality = "MG"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.Manufacturer = scanner.manufacturer
    dataset.ManufacturerModelName = scanner.model
    dataset.StationName = scanner.station
    dataset.DeviceSerialNumber = "0001"
    dataset.SoftwareVersions = "demo"


def _add_view(dataset: Dataset, phantom: Phantom) -> None:
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.DerivationDescription = "Simulated phantom, not a patient"
    left = phantom.laterality == "L"
    dataset.ImageLaterality = phantom.laterality
    # Rows run from chest wall to nipple in a left breast and back in a right one.
    along = "A" if left else "P"
    across = {"CC": "R" if left else "L", "MLO": "FR" if left else "FL"}[phantom.view]
    dataset.PatientOrientation = [along, across]
    dataset.PositionerType = "MAMMOGRAPHIC"
    dataset.PositionerPrimaryAngle = "0" if phantom.view == "CC" else ("45" if left else "-45")
    dataset.OrganExposed = "BREAST"
    dataset.BodyPartExamined = "BREAST"
    dataset.BreastImplantPresent = "NO"
    dataset.PartialView = "NO"
    dataset.ViewPosition = phantom.view
    view = _code(*_VIEW_CODES[phantom.view], "SCT")
    view.ViewModifierCodeSequence = Sequence([])
    dataset.ViewCodeSequence = Sequence([view])
    dataset.AnatomicRegionSequence = Sequence([_code("76752008", "Breast", "SCT")])
    dataset.AcquisitionContextSequence = Sequence([])


def _code(value: str, meaning: str, scheme: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def _add_detector(dataset: Dataset, phantom: Phantom, scanner: Scanner, seed: int) -> None:
    dataset.KVP = "28"
    dataset.AnodeTargetMaterial = "TUNGSTEN"
    dataset.FilterMaterial = "RHODIUM"
    dataset.BodyPartThickness = f"{phantom.thickness_mm:.0f}"
    dataset.DistanceSourceToDetector = "660"
    dataset.DistanceSourceToPatient = "660"
    dataset.EstimatedRadiographicMagnificationFactor = "1"
    dataset.ImagerPixelSpacing = [f"{scanner.spacing_mm:g}"] * 2
    dataset.PixelSpacing = dataset.ImagerPixelSpacing
    dataset.DetectorType = "STORAGE" if scanner.inverted else "DIRECT"
    dataset.DetectorID = uid(seed, "detector", phantom.center)[-12:]
    dataset.DetectorConfiguration = "AREA"


def _add_pixels(dataset: Dataset, exposure: Exposure, scanner: Scanner) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if scanner.inverted else "MONOCHROME2"
    dataset.Rows, dataset.Columns = exposure.pixels.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = scanner.bits
    dataset.HighBit = scanner.bits - 1
    dataset.PixelRepresentation = 0
    dataset.PresentationLUTShape = "INVERSE" if scanner.inverted else "IDENTITY"
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = 1 if scanner.inverted else -1
    dataset.RescaleIntercept = "0"
    dataset.RescaleSlope = "1"
    dataset.RescaleType = "US"
    dataset.WindowCenter = f"{exposure.window_center:g}"
    dataset.WindowWidth = f"{exposure.window_width:g}"
    dataset.WindowCenterWidthExplanation = "NORMAL"
    dataset.VOILUTFunction = scanner.window_function
    dataset.LossyImageCompression = "00"
    dataset.BurnedInAnnotation = "NO"
    if scanner.compressed:
        dataset.PixelData = encapsulate([jpeg_lossless(exposure.pixels, bits=scanner.bits)])
        dataset["PixelData"].is_undefined_length = True
    else:
        dataset.PixelData = exposure.pixels.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OB" if scanner.compressed else "OW"


def jpeg_lossless(pixels: NDArray[np.uint16], *, bits: int) -> bytes:
    """Return a JPEG Lossless stream of one gray frame, DICOM's default compressed syntax.

    ITU-T T.81 process 14 with selection value 1, predicted from the left pixel, by libjpeg-turbo.

    Parameters
    ----------
    pixels
        (rows, columns), each below 2**bits.
    bits
        Sample precision, 9 to 16.

    Raises
    ------
    ValueError
        When a value does not fit in `bits`.
    """
    if int(pixels.max()) >> bits:
        raise ValueError(f"a pixel of {int(pixels.max())} does not fit in {bits} bits")
    stream = imagecodecs.jpeg8_encode(
        pixels, lossless=True, predictor=1, bitspersample=bits, optimize=True
    )
    return bytes(stream)


def encode(dataset: FileDataset) -> bytes:
    """Return a data set as a file's bytes, with the group lengths and padding of the standard."""
    # In memory: what pydicom says of a full disk carries a traceback of its own.
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()
