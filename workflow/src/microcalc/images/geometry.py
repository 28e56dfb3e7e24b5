"""Spacing, side and view: what the file says, what the table says, and where they disagree."""

from typing import Any

from pydicom import Dataset

from microcalc.errors import StudyError

PLAUSIBLE_SPACING_MM = (0.01, 1.0)
_TOLERANCE = 0.01
_VIEW_CODES = {
    "R-10242": "CC", "399162004": "CC",
    "R-10226": "MLO", "399368009": "MLO",
}  # fmt: skip


def spacing(
    dataset: Dataset, table_mm: float | None, flags: list[str]
) -> tuple[tuple[float, float], str]:
    """Return the spacing in the breast, (between rows, between columns) in mm, and its source.

    The order follows PS3.3 10.7 and C.8.11: a PixelSpacing that was calibrated (GEOMETRY or
    FIDUCIAL) beats the detector's ImagerPixelSpacing, which is divided by the estimated
    magnification when the file gives one; then an uncalibrated PixelSpacing, then that of a
    film scanner, last the table.

    Raises
    ------
    StudyError
        When nothing gives a spacing, or what gives it is no plausible number. The message leaves
        naming the image to the caller.
    """
    found, source = _from_file(dataset)
    if found is None:
        if table_mm is None:
            raise StudyError(
                "has no pixel spacing in the file and none in column spacing_mm of the images "
                "table; a spacing is never assumed, so fill that column in"
            )
        found, source = (table_mm, table_mm), "table"
    elif table_mm is not None and any(abs(v / table_mm - 1) > _TOLERANCE for v in found):
        flags.append("spacing_contradiction")
    lowest, highest = PLAUSIBLE_SPACING_MM
    if not all(lowest <= value <= highest for value in found):
        raise StudyError(
            f"has a pixel spacing of {found[0]:g} x {found[1]:g} mm ({source}); "
            f"a mammogram's lies between {lowest:g} and {highest:g} mm"
        )
    return found, source


def _from_file(dataset: Dataset) -> tuple[tuple[float, float] | None, str]:
    pixel = _pair(dataset.get("PixelSpacing"))
    imager = _pair(dataset.get("ImagerPixelSpacing"))
    kind = str(dataset.get("PixelSpacingCalibrationType") or "").upper()
    if pixel and kind in {"GEOMETRY", "FIDUCIAL"}:
        return pixel, f"PixelSpacing {kind}"
    if imager:
        factor = _number(dataset.get("EstimatedRadiographicMagnificationFactor"))
        if factor and factor > 0:
            return (imager[0] / factor, imager[1] / factor), "ImagerPixelSpacing / magnification"
        return imager, "ImagerPixelSpacing"
    if pixel:
        return pixel, "PixelSpacing"
    scanned = _pair(dataset.get("NominalScannedPixelSpacing"))
    return (scanned, "NominalScannedPixelSpacing") if scanned else (None, "")


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
    said = [str(dataset.get(k) or "") for k in ("ImageLaterality", "Laterality")]
    said = [side.strip().upper() for side in [*said, table]]
    known = [side for side in said if side in {"L", "R"}]
    if len(set(known)) > 1:
        flags.append("laterality_contradiction")
    return known[0] if known else ""


def view(dataset: Dataset, table: str, flags: list[str]) -> str:
    """Return the view from ViewPosition, ViewCodeSequence or the table, in that order.

    Some public collections leave ViewPosition empty and fill the code sequence alone.
    """
    said = [_view_name(str(dataset.get("ViewPosition") or "")), _view_of_code(dataset)]
    said.append(_view_name(table))
    known = [name for name in said if name]
    if len(set(known)) > 1:
        flags.append("view_contradiction")
    return known[0] if known else ""


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
    words = str(code.get("CodeMeaning") or "").strip().lower().replace("-", " ")
    by_words = {"cranio caudal": "CC", "craniocaudal": "CC"}
    by_words |= {"medio lateral oblique": "MLO", "mediolateral oblique": "MLO"}
    return by_words.get(words, words.upper())


def orientation(dataset: Dataset) -> tuple[str, str]:
    """Return PatientOrientation: where a row leads and where a column leads, "" when absent."""
    value = dataset.get("PatientOrientation")
    if value is None or isinstance(value, str) or len(value) != 2:
        return "", ""
    return str(value[0]).strip().upper(), str(value[1]).strip().upper()
