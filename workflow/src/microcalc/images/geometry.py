"""Spacing, side and view: what the file says, what the table says, and where they disagree."""

from typing import Any

import numpy as np
from pydicom import Dataset

from microcalc.errors import StudyError
from microcalc.images import words
from microcalc.images.mammogram import Place

PLAUSIBLE_SPACING_MM = (0.01, 1.0)
PLAUSIBLE_MAGNIFICATION = (0.95, 4.0)
_LATERALITIES = ("ImageLaterality", "FrameLaterality", "Laterality")
_TOLERANCE = 0.01
_VIEW_CODES = {
    "R-10242": "CC", "399162004": "CC",
    "R-10226": "MLO", "399368009": "MLO",
}  # fmt: skip


def spacing(
    dataset: Dataset, table_mm: float | None, flags: list[str]
) -> tuple[tuple[float, float], str]:
    """Return the spacing in the breast, (between rows, between columns) in mm, and its source.

    The order is that of PS3.3 10.7.1: a PixelSpacing that was calibrated, as its calibration
    type says (GEOMETRY or FIDUCIAL) or its difference from ImagerPixelSpacing; then the
    detector's ImagerPixelSpacing, divided by the estimated magnification when the file gives
    one; then PixelSpacing alone, that of a film scanner, last the table.

    Raises
    ------
    StudyError
        When nothing gives a spacing, what gives it is no plausible number, or a magnification
        view does not say how much it magnifies. The message leaves naming the image to the
        caller.
    """
    magnified = _is_magnification(dataset)
    found, source = _from_file(dataset, flags)
    if magnified:
        flags.append("magnification_view")
        if source == "ImagerPixelSpacing":
            if table_mm is None:
                raise StudyError(
                    "is a magnification view that gives neither a magnification factor nor a "
                    "calibrated spacing; fill in column spacing_mm of the images table"
                )
            found = None
    if found is None:
        return of_table(table_mm)
    if table_mm is not None and any(abs(v / table_mm - 1) > _TOLERANCE for v in found):
        flags.append("spacing_contradiction")
    return _plausible(found, source), source


def of_table(table_mm: float | None) -> tuple[tuple[float, float], str]:
    """Return the spacing that column spacing_mm gives, and "table".

    Raises
    ------
    StudyError
        When it gives none.
    """
    if table_mm is None:
        raise StudyError(
            "has no pixel spacing in the file and none in column spacing_mm of the images "
            "table; a spacing is never assumed, so fill that column in"
        )
    return _plausible((table_mm, table_mm), "table"), "table"


def _plausible(found: tuple[float, float], source: str) -> tuple[float, float]:
    lowest, highest = PLAUSIBLE_SPACING_MM
    if not all(lowest <= value <= highest for value in found):
        raise StudyError(
            f"has a pixel spacing no mammogram has; expected {lowest:g} to {highest:g} mm",
            detail=f"{found[0]:g} x {found[1]:g} mm, {source}",
        )
    return found


def _from_file(dataset: Dataset, flags: list[str]) -> tuple[tuple[float, float] | None, str]:
    pixel = _pair(dataset.get("PixelSpacing"))
    imager = _pair(dataset.get("ImagerPixelSpacing"))
    kind = str(dataset.get("PixelSpacingCalibrationType") or "").upper()
    if pixel and kind in {"GEOMETRY", "FIDUCIAL"}:
        return pixel, f"PixelSpacing {kind}"
    if pixel and imager and any(abs(p / i - 1) > 1e-3 for p, i in zip(pixel, imager, strict=True)):
        return pixel, "PixelSpacing calibrated"
    if imager:
        factor = _number(dataset.get("EstimatedRadiographicMagnificationFactor"))
        if factor is None:
            return imager, "ImagerPixelSpacing"
        lowest, highest = PLAUSIBLE_MAGNIFICATION
        if lowest <= factor <= highest:
            return (imager[0] / factor, imager[1] / factor), "ImagerPixelSpacing / magnification"
        flags.append("magnification_unusable")
        return imager, "ImagerPixelSpacing"
    if pixel:
        return pixel, "PixelSpacing"
    scanned = _pair(dataset.get("NominalScannedPixelSpacing"))
    return (scanned, "NominalScannedPixelSpacing") if scanned else (None, "")


def _is_magnification(dataset: Dataset) -> bool:
    """Say whether a view modifier is "magnification" (SCT 399163009, SRT R-102D6)."""
    for view_code in dataset.get("ViewCodeSequence") or []:
        for modifier in view_code.get("ViewModifierCodeSequence") or []:
            if str(modifier.get("CodeValue") or "").strip() in {"399163009", "R-102D6"}:
                return True
    return False


def _pair(value: Any) -> tuple[float, float] | None:
    if value is None or isinstance(value, str) or not hasattr(value, "__len__") or len(value) != 2:
        return None
    rows, columns = _number(value[0]), _number(value[1])
    return (rows, columns) if rows and columns else None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def laterality(dataset: Dataset, table: str, flags: list[str]) -> str:
    """Return "L", "R" or "" from ImageLaterality, Laterality or the table, in that order."""
    said = [str(dataset.get(k) or "") for k in _LATERALITIES]
    said = [side.strip().upper() for side in [*said, table]]
    known = [side for side in said if side in {"L", "R"}]
    if len(set(known)) > 1:
        flags.append("laterality_contradiction")
    return known[0] if known else ""


def view(dataset: Dataset, table: str, flags: list[str]) -> str:
    """Return the view from ViewPosition, ViewCodeSequence or the table, in that order.

    Some public collections leave ViewPosition empty and fill the code sequence alone. What is no
    defined term is "other", and gives way to one that is.
    """
    said = [words.view(_view_name(str(dataset.get("ViewPosition") or ""))), _view_of_code(dataset)]
    said.append(_view_name(table))
    known = [name for name in said if name not in {"", words.OTHER}]
    if len(set(known)) > 1:
        flags.append("view_contradiction")
    return known[0] if known else max(said)


def _view_name(text: str) -> str:
    return text.strip().upper()


def _view_of_code(dataset: Dataset) -> str:
    sequence = dataset.get("ViewCodeSequence")
    if not sequence:
        return ""
    code = sequence[0]
    known = _VIEW_CODES.get(str(code.get("CodeValue") or "").strip())
    if known:
        return known
    meaning = str(code.get("CodeMeaning") or "").strip().lower().replace("-", " ")
    by_words = {"cranio caudal": "CC", "craniocaudal": "CC"}
    by_words |= {"medio lateral oblique": "MLO", "mediolateral oblique": "MLO"}
    return by_words.get(meaning, words.view(meaning.upper()))


def place(dataset: Dataset, spacing_mm: tuple[float, float], frame: int) -> Place:
    """Return where a frame lies in its file, and in space where ImagePositionPatient says so."""
    frames = int(dataset.get("NumberOfFrames") or 1)
    position = _numbers(dataset.get("ImagePositionPatient"), 3)
    cosines = _numbers(dataset.get("ImageOrientationPatient"), 6)
    if cosines is None:
        return Place(spacing_mm, frame, frames)
    axes = np.reshape(cosines, (2, 3))
    if not np.allclose(axes @ axes.T, np.eye(2), atol=1e-3):
        # No unit vectors at right angles: nothing that could be relied on.
        return Place(spacing_mm, frame, frames)
    return Place(spacing_mm, frame, frames, position, cosines[:3], cosines[3:])


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    if value is None or isinstance(value, str) or not hasattr(value, "__len__"):
        return None
    found = tuple(number for number in map(_number, value) if number is not None)
    return found if len(found) == len(value) == count else None


def orientation(dataset: Dataset) -> tuple[str, str]:
    """Return PatientOrientation: where a row leads and where a column leads, "" when absent."""
    value = dataset.get("PatientOrientation")
    if value is None or isinstance(value, str) or len(value) != 2:
        return "", ""
    return str(value[0]).strip().upper(), str(value[1]).strip().upper()
