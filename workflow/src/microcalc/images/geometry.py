"""Pixel spacing, laterality and view: of the file, of the table, and where the two disagree."""

from typing import Any

import numpy as np
from pydicom import Dataset

from microcalc.config import views
from microcalc.core.errors import StudyError
from microcalc.images.mammogram import Place

PLAUSIBLE_SPACING_MM = (0.01, 1.0)
PLAUSIBLE_MAGNIFICATION = (0.95, 4.0)
LARGEST_CM = (31.0, 35.0)
"""Shorter and longer side of the largest image that is believed."""
SMALLEST_CM = 3.0
"""Shorter side of the smallest image that is not flagged."""
_LEAST_MAGNIFIED = 1.1
_MOST_IN_CONTACT = 1.2
_ROUNDING = 1e-6
_FILL_IN = "fill in column spacing_mm of the images table, which is taken before the file's"
_LATERALITIES = ("ImageLaterality", "FrameLaterality", "Laterality")
_TOLERANCE = 0.01


def spacing(
    dataset: Dataset, table_mm: float | None, flags: list[str], *, view: str = ""
) -> tuple[tuple[float, float], str]:
    """Return the pixel spacing in the breast and its source.

    The table's is taken where it says something else than the file: a person has looked at it.
    Otherwise the order is that of PS3.3 10.7.1: a PixelSpacing that was calibrated, as its
    calibration type says (GEOMETRY or FIDUCIAL) or its difference from ImagerPixelSpacing; then
    the detector's ImagerPixelSpacing, divided by the magnification where the file tells of it
    (`_magnification`); then PixelSpacing alone, or else NominalScannedPixelSpacing, those of a film
    scanner.

    Parameters
    ----------
    dataset
        The image.
    table_mm
        Column spacing_mm, None without.
    flags
        Where what is odd is added.
    view
        The image's, as `view` returns it; "" for the file's own.

    Returns
    -------
    spacing_mm, source
        (between rows, between columns) in mm, and the attribute, or "table".

    Raises
    ------
    StudyError
        When nothing gives a spacing, what gives it is no plausible number or makes the image of
        a size no mammogram has, or a magnification view does not say how much it magnifies. The
        message leaves naming the image to the caller.

    Examples
    --------
    >>> from pydicom import Dataset
    >>> from microcalc.images import geometry
    >>> dataset, flags = Dataset(), []
    >>> dataset.Rows, dataset.Columns, dataset.ImagerPixelSpacing = 3328, 2560, [0.07, 0.07]
    >>> geometry.spacing(dataset, None, flags), geometry.spacing(dataset, 0.1, flags), flags
    (((0.07, 0.07), 'ImagerPixelSpacing'), ((0.1, 0.1), 'table'), ['spacing_contradiction'])
    """
    size = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    magnified = "MAG" in views.modifiers(view or _view_in_file(dataset))
    if magnified:
        flags.append("magnification_view")
    found, source = _from_file(dataset, magnified, flags)
    if found is None and magnified and table_mm is None:
        raise StudyError(
            "is a magnification view that gives neither a magnification factor nor a calibrated "
            f"spacing; {_FILL_IN}"
        )
    if found is not None and "PixelSpacing" in source.split() and not _overridden(found, table_mm):
        _refuse_reduction(found, dataset, flags)
    return of_file(found, source, table_mm, size, flags)


def of_file(
    found: tuple[float, float] | None,
    source: str,
    table_mm: float | None,
    size: tuple[int, int],
    flags: list[str],
) -> tuple[tuple[float, float], str]:
    """Return the spacing that a file gives to an image of `size`, or the table's; and its source.

    The table's is taken where there is no other, or it differs, which is flagged.

    Parameters
    ----------
    found
        What the file gives, (between rows, between columns) in mm; None without.
    source
        What it is called there.
    table_mm
        Column spacing_mm, None without.
    size
        Rows and columns.
    flags
        Where what is odd is added.

    Returns
    -------
    spacing_mm, source
        As of `spacing`.

    Raises
    ------
    StudyError
        When neither gives one, or it makes the image of a size no mammogram has.

    Examples
    --------
    >>> from microcalc.images import geometry
    >>> geometry.of_file((0.07, 0.07), "ImagerPixelSpacing", None, (3328, 2560), [])
    ((0.07, 0.07), 'ImagerPixelSpacing')
    """
    if found is not None and _overridden(found, table_mm):
        flags.append("spacing_contradiction")
        found = None
    if found is None:
        return of_table(table_mm, size, flags)
    return _plausible(found, source, size, flags), source


def _overridden(found: tuple[float, float], table_mm: float | None) -> bool:
    """Say whether the table gives another spacing than the file: a person has looked at it."""
    return table_mm is not None and _differ(found, (table_mm, table_mm), _TOLERANCE)


def of_table(
    table_mm: float | None, size: tuple[int, int] | None, flags: list[str]
) -> tuple[tuple[float, float], str]:
    """Return the spacing that column spacing_mm gives to an image, and "table".

    Parameters
    ----------
    table_mm
        The cell, None where it is empty.
    size
        Rows and columns; None where the image has not been opened.
    flags
        Where what is odd is added.

    Returns
    -------
    spacing_mm, source
        As of `spacing`.

    Raises
    ------
    StudyError
        When it gives none, or one that makes the image of a size no mammogram has.

    Examples
    --------
    >>> from microcalc.images import geometry
    >>> geometry.of_table(0.05, (4000, 3000), [])
    ((0.05, 0.05), 'table')
    """
    if table_mm is None:
        raise StudyError(
            "has no pixel spacing in the file and none in column spacing_mm of the images "
            "table; a spacing is never assumed, so fill that column in"
        )
    return _plausible((table_mm, table_mm), "table", size, flags), "table"


def _plausible(
    found: tuple[float, float], source: str, size: tuple[int, int] | None, flags: list[str]
) -> tuple[float, float]:
    """Return `found`, or refuse it where no mammogram has it; flag an image that is very small.

    The largest detectors are of 24 x 30 cm, the largest films a little more.
    """
    lowest, highest = PLAUSIBLE_SPACING_MM
    if not all(lowest <= value <= highest for value in found):
        raise StudyError(
            f"has a pixel spacing no mammogram has; expected {lowest:g} to {highest:g} mm",
            detail=f"{found[0]:g} x {found[1]:g} mm, {source}",
        )
    if size is None:
        return found
    short, long = sorted(n * mm / 10 for n, mm in zip(size, found, strict=True))
    if long > LARGEST_CM[1] + _ROUNDING or short > LARGEST_CM[0] + _ROUNDING:
        raise StudyError(
            "has a pixel spacing that makes it larger than any mammogram, "
            f"{LARGEST_CM[0]:g} x {LARGEST_CM[1]:g} cm; {_FILL_IN}",
            detail=f"{short:.3g} x {long:.3g} cm at {found[0]:g} x {found[1]:g} mm, {source}",
        )
    if short < SMALLEST_CM - _ROUNDING:
        flags.append("image_small")
    return found


def _refuse_reduction(found: tuple[float, float], dataset: Dataset, flags: list[str]) -> None:
    """Refuse a PixelSpacing larger than the detector's: X-rays spread, so nothing is made smaller.

    One much smaller is flagged: no mammograph magnifies as much.
    """
    imager = _pair(dataset.get("ImagerPixelSpacing"))
    if imager is None:
        return
    factors = [i / p for i, p in zip(imager, found, strict=True)]
    if min(factors) < PLAUSIBLE_MAGNIFICATION[0]:
        raise StudyError(
            f"has a PixelSpacing larger than its ImagerPixelSpacing allows; {_FILL_IN}",
            detail=f"{found[0]:g} x {found[1]:g} mm, at the detector {imager[0]:g} x "
            f"{imager[1]:g} mm",
        )
    if max(factors) > PLAUSIBLE_MAGNIFICATION[1]:
        flags.append("magnification_unusable")


def _from_file(
    dataset: Dataset, magnified: bool, flags: list[str]
) -> tuple[tuple[float, float] | None, str]:
    pixel = _pair(dataset.get("PixelSpacing"))
    imager = _pair(dataset.get("ImagerPixelSpacing"))
    kind = str(dataset.get("PixelSpacingCalibrationType") or "").upper()
    if pixel and kind in {"GEOMETRY", "FIDUCIAL"}:
        return pixel, f"PixelSpacing {kind}"
    if pixel and imager and _differ(pixel, imager, 1e-3):
        return pixel, "PixelSpacing calibrated"
    if imager:
        factor, source = _magnification(dataset, flags)
        if magnified and factor < _LEAST_MAGNIFIED:
            # The detector's spacing is that of the breast in contact views alone.
            return None, ""
        return (imager[0] / factor, imager[1] / factor), f"ImagerPixelSpacing{source}"
    if pixel:
        return pixel, "PixelSpacing"
    scanned = _pair(dataset.get("NominalScannedPixelSpacing"))
    return (scanned, "NominalScannedPixelSpacing") if scanned else (None, "")


def _magnification(dataset: Dataset, flags: list[str]) -> tuple[float, str]:
    """Return how much larger things are at the detector than in the breast, and who says so.

    EstimatedRadiographicMagnificationFactor is, by its definition, the ratio of the distances from
    the source to the detector and to the breast support, which stand in for it (PS3.3 C.8.11.5). 1
    where neither is given.
    """
    estimated = _number(dataset.get("EstimatedRadiographicMagnificationFactor"))
    detector = _number(dataset.get("DistanceSourceToDetector"))
    patient = _number(dataset.get("DistanceSourceToPatient"))
    # Some vendors write 0 for a distance that they do not know.
    ratio = detector / patient if detector and patient else None
    lowest, highest = PLAUSIBLE_MAGNIFICATION
    for factor, source in (
        (estimated, "magnification"),
        (ratio, "magnification by distances"),
    ):
        if factor is None:
            continue
        if lowest <= factor <= highest:
            return factor, f" / {source}"
        flags.append("magnification_unusable")
    return 1.0, ""


def _differ(one: tuple[float, float], other: tuple[float, float], tolerance: float) -> bool:
    return any(abs(a / b - 1) > tolerance for a, b in zip(one, other, strict=True))


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
    """Return the laterality: the side of the breast, of the file or else of the table.

    The file's is the first of ImageLaterality, FrameLaterality and Laterality that says L or R.

    Parameters
    ----------
    dataset
        The image.
    table
        Column laterality.
    flags
        Where a contradiction is added.

    Returns
    -------
    str
        "L", "R" or "".

    Examples
    --------
    >>> from pydicom import Dataset
    >>> from microcalc.images import geometry
    >>> dataset, flags = Dataset(), []
    >>> dataset.ImageLaterality = "L"
    >>> geometry.laterality(dataset, "R", flags), flags
    ('L', ['laterality_contradiction'])
    """
    said = [str(dataset.get(k) or "") for k in _LATERALITIES]
    said = [side.strip().upper() for side in [*said, table]]
    known = [side for side in said if side in {"L", "R"}]
    if len(set(known)) > 1:
        flags.append("laterality_contradiction")
    return known[0] if known else ""


def view(dataset: Dataset, table: str, flags: list[str]) -> str:
    """Return the canonical view (`microcalc.config.views`) that table and file give together.

    The projection is the table's where that says one, then ViewPosition's, then ViewCodeSequence's:
    some public collections leave ViewPosition empty. Modifiers are everybody's, since a table that
    says CC does not deny that it is magnified. What the file says in words that nobody knows is
    "other", and gives way to words that are known.

    Parameters
    ----------
    dataset
        The image.
    table
        Column view.
    flags
        Where a contradiction, or a word that nobody knows, is added.

    Returns
    -------
    str
        As `microcalc.config.views` writes it; "" when nobody says one.

    Examples
    --------
    >>> from pydicom import Dataset
    >>> from microcalc.images import geometry
    >>> dataset, flags = Dataset(), []
    >>> dataset.ViewPosition = "MLO"
    >>> geometry.view(dataset, "", flags), geometry.view(dataset, "CC", flags), flags
    ('MLO', 'CC', ['view_contradiction'])
    """
    codes = list(dataset.get("ViewCodeSequence") or [])
    said = [views.canonical(table), views.without_side(str(dataset.get("ViewPosition") or ""))]
    said += map(_of_code, codes)
    added = [
        _of_code(modifier)
        for code in codes
        for modifier in code.get("ViewModifierCodeSequence") or []
    ]
    known = [name for one in said if (name := views.projection(one)) not in {"", views.OTHER}]
    if len(set(known)) > 1:
        flags.append("view_contradiction")
    if views.OTHER in added or (views.OTHER in said and not known):
        flags.append("view_unknown")
    particulars = {name for one in [*said, *added] for name in views.modifiers(one)}
    if _magnifies(dataset):
        particulars.add("MAG")
    unknown = [views.OTHER] if views.OTHER in said else [""]
    return views.joined((known or unknown)[0], particulars)


def _view_in_file(dataset: Dataset) -> str:
    return view(dataset, "", [])


def _of_code(code: Dataset) -> str:
    return views.of_code(*(str(code.get(k) or "") for k in ("CodeValue", "CodeMeaning")))


def _magnifies(dataset: Dataset) -> bool:
    """Say whether the breast lay away from the detector, as in no contact view."""
    return _magnification(dataset, [])[0] > _MOST_IN_CONTACT


def place(dataset: Dataset, spacing_mm: tuple[float, float], frame: int) -> Place:
    """Return where a frame lies in its file, and in space where ImagePositionPatient says so.

    Parameters
    ----------
    dataset
        The image.
    spacing_mm
        (between rows, between columns) in mm.
    frame
        Counting from 1.

    Returns
    -------
    Place
        Without a position where ImageOrientationPatient is missing or makes no right angles.

    Examples
    --------
    >>> from pydicom import Dataset
    >>> from microcalc.images import geometry
    >>> dataset = Dataset()
    >>> dataset.NumberOfFrames = 50
    >>> place = geometry.place(dataset, (0.1, 0.1), 12)
    >>> place.frame, place.frames, place.position
    (12, 50, None)
    """
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
    """Return PatientOrientation: where a row leads and where a column leads, "" when absent.

    Parameters
    ----------
    dataset
        The image.

    Returns
    -------
    row_direction, column_direction : str
        "" when absent.

    Examples
    --------
    >>> from pydicom import Dataset
    >>> from microcalc.images import geometry
    >>> dataset = Dataset()
    >>> dataset.PatientOrientation = ["A", "FR"]
    >>> geometry.orientation(dataset)
    ('A', 'FR')
    """
    value = dataset.get("PatientOrientation")
    if value is None or isinstance(value, str) or len(value) != 2:
        return "", ""
    return str(value[0]).strip().upper(), str(value[1]).strip().upper()
