"""Mammograms made for the tests of the images room, as datasets, bytes and files."""

import io
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.2"
SETTINGS: dict[str, Any] = {
    "shards": 2,
    "spacing_mm": 0.1,
    "patch_mm": 6.4,
    "thumbnail_px": 48,
    "on_error": "exclude",
    "max_excluded": 0.5,
    "cache": True,
}


def dataset(stored: np.ndarray, *, syntax: str = ExplicitVRLittleEndian, **attributes: Any):
    """Return a small For Presentation object of `stored`; attributes of None are left out."""
    bits = 8 * stored.dtype.itemsize
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = PRESENTATION
    ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    values: dict[str, Any] = {
        "SOPClassUID": PRESENTATION,
        "SOPInstanceUID": "1.2.3.4",
        "PatientID": "MRN-0815",
        "PatientName": "Mustermann^Erika",
        "Modality": "MG",
        "PresentationIntentType": "FOR PRESENTATION",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": stored.shape[0],
        "Columns": stored.shape[1],
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": int(attributes.get("BitsStored") or bits) - 1,
        "PixelRepresentation": int(stored.dtype.kind == "i"),
        "ImagerPixelSpacing": [0.1, 0.1],
        "ImageLaterality": "L",
        "ViewPosition": "CC",
    }
    for keyword, value in (values | attributes).items():
        if value is not None:
            setattr(ds, keyword, value)
    order = "<" if ds.file_meta.TransferSyntaxUID.is_little_endian else ">"
    raw = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    ds.PixelData = raw + b"\0" * (len(raw) % 2)
    ds["PixelData"].VR = "OW" if bits > 8 else "OB"
    return ds


def to_bytes(ds: Dataset) -> bytes:
    """Return the bytes of a file of `ds`."""
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def dicom(stored: np.ndarray, **attributes: Any) -> bytes:
    """Return the bytes of a DICOM file of `stored`."""
    return to_bytes(dataset(stored, **attributes))


def breast(
    rows: int = 400, columns: int = 300, *, seed: int = 0, chest_wall: str = "left"
) -> np.ndarray:
    """Return uint16 pixels of 12 bits: a half ellipse of noisy tissue against black air."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    inside = ((y - rows / 2) / (0.42 * rows)) ** 2 + (x / (0.7 * columns)) ** 2 < 1
    tissue = 1500 + 500 * np.sin(x / 23) * np.cos(y / 31) + rng.normal(0, 60, (rows, columns))
    image = np.where(inside, tissue, rng.integers(0, 12, (rows, columns)))
    image = np.clip(image, 0, 4095).astype(np.uint16)
    return image if chest_wall == "left" else np.ascontiguousarray(image[:, ::-1])


def film(
    rows: int = 1024, columns: int = 640, *, seed: int = 0, air: float = 7, chest_wall: str = "left"
) -> tuple[np.ndarray, np.ndarray]:
    """Return uint8 pixels of a digitized film, 0.2 mm each, and where its breast is.

    The breast's rim is thin and dark, as on film; the air is `air` gray levels bright at the top,
    five less at the bottom, and noisy.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    depth = 1 - np.sqrt(((y - 0.5 * rows) / (0.44 * rows)) ** 2 + (x / (0.7 * columns)) ** 2)
    gray = air - 5 * y / rows + rng.normal(0, 1, (rows, columns))
    texture = 20 * np.sin(x / 23) * np.cos(y / 31) + rng.normal(0, 2, (rows, columns))
    tissue = 10 + 130 * np.clip(depth / 0.25, 0, 1) + texture * (depth > 0.25)
    image = np.clip(np.rint(gray + np.where(depth > 0, tissue, 0)), 0, 255).astype(np.uint8)
    inside = depth > 0
    if chest_wall == "right":
        image, inside = image[:, ::-1].copy(), inside[:, ::-1].copy()
    return image, inside


def row(image_id: str, case_id: str = "", **columns: Any) -> dict[str, str]:
    """Return a row of the images table as planning hands it over, a box in the breast."""
    values = {
        "image_id": image_id,
        "case_id": case_id or image_id,
        "patient_id": "p-" + (case_id or image_id),
        "path": f"{image_id}.dcm",
        "view": "CC",
        "laterality": "L",
        "x0": 60,
        "y0": 180,
        "x1": 100,
        "y1": 220,
        "spacing_mm": "",
    }
    return {name: str(value) for name, value in (values | columns).items()}
