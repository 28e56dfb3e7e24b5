"""CMMD with the regions of TOMPEI-CMMD: Chinese mammograms, benign against malignant.

The clinical workbook has one row per labelled breast. TOMPEI-CMMD (`*_AnnotationFile.json`) draws
on MLO views alone; macOS has left a double of every annotation in its archive.
"""

import json
import re
from collections import defaultdict
from pathlib import Path

from microcalc.core.errors import StudyError
from microcalc.ingest import headers, roi_boxes
from microcalc.ingest.collection import BENIGN_OR_MALIGNANT, Collection
from microcalc.ingest.headers import Header
from microcalc.ingest.ledger import Ledger, Row
from microcalc.ingest.record import Box, Case, Image, NotTakenError, Place, pseudonym

_COLUMNS = ("ID1", "LeftRight", "Age", "abnormality", "classification")
_ANNOTATION = re.compile(r"(?P<patient>.+)_MLO_(?P<side>[LR])_AnnotationFile\.json")
_LESION_TYPES = {"calcification": "calcification only", "both": "with mass"}

Breast = tuple[str, str]
"""Patient and side."""
Taken = tuple[Case, Image]


def read(ledger: Ledger) -> None:
    """Take or leave every labelled breast, image, annotation and series, see `Collection.read`.

    Raises
    ------
    StudyError
        When the clinical workbook is not under the folder, or it or the table of series cannot be
        read or lacks a column.
    """
    workbook = _one(ledger.folder, "CMMD_clinicaldata*.xlsx")
    if workbook is None:
        raise StudyError("no CMMD_clinicaldata_revision.xlsx is under the source folder")
    images = _images(ledger)
    drawn = _annotations(ledger)
    taken: dict[Breast, Taken] = {}
    reasons: dict[Breast, str] = {}
    for place, row in ledger.table(workbook, _COLUMNS):
        breast = row["ID1"], row["LeftRight"]
        try:
            case = _case(row)
            taken[breast] = case, _image(breast, case, images.get(breast, []), drawn)
            ledger.take(place, *taken[breast])
        except NotTakenError as reason:
            reasons[breast] = str(reason)
            ledger.leave(place, str(reason))
    _settle_images(ledger, images, taken, reasons)
    _settle_annotations(ledger, drawn, taken, reasons)
    _settle_series(ledger, images, taken)


def _one(folder: Path, pattern: str) -> Path | None:
    return min(folder.rglob(pattern), default=None)


def _images(ledger: Ledger) -> dict[Breast, list[Header]]:
    """Return the headers of each breast's images; ViewPosition is empty in most of them."""
    found: dict[Breast, list[Header]] = defaultdict(list)
    for path in sorted(map(ledger.relative, ledger.folder.rglob("*.dcm"))):
        with ledger.entry(Place(path)):
            header = headers.read(ledger.folder, path)
            headers.refuse_special(header)
            found[header.patient_id, header.side].append(header)
    return found


def _annotations(ledger: Ledger) -> dict[Breast, tuple[Place, list[Box]]]:
    """Return where each breast's calcifications are drawn, and the boxes around them."""
    found: dict[Breast, tuple[Place, list[Box]]] = {}
    for path in sorted(ledger.folder.rglob("*_AnnotationFile.json")):
        place = Place(ledger.relative(path))
        with ledger.entry(place):
            named = _ANNOTATION.fullmatch(path.name)
            if "__MACOSX" in path.parts or named is None or path.name.startswith("._"):
                raise NotTakenError("a double that macOS left, no annotation")
            found[named["patient"], named["side"]] = place, _calcifications(path)
    return found


def _calcifications(path: Path) -> list[Box]:
    """Return the boxes around what is labelled calc; some labels end in a space."""
    try:
        drawn = json.loads(path.read_text(encoding="utf-8"))
        polygons = [
            [(point["x"], point["y"]) for point in region["cgPoints"]]
            for region in drawn
            if region["label"].strip().casefold() == "calc"
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotTakenError("not an annotation of TOMPEI-CMMD") from None
    if not polygons:
        raise NotTakenError("TOMPEI-CMMD marks no calcification in it")
    return [roi_boxes.around(points) for points in polygons]


def _case(row: Row) -> Case:
    if row["abnormality"] not in _LESION_TYPES:
        raise NotTakenError("a mass without calcification")
    if row["classification"] not in ("Benign", "Malignant"):
        raise NotTakenError("no classification")
    return Case(
        case_id=pseudonym(row["ID1"], row["LeftRight"]),
        patient_id=pseudonym(row["ID1"]),
        center="CMMD",
        label=row["classification"].lower(),
        clinical={"age": row["Age"], "lesion_type": _LESION_TYPES[row["abnormality"]]},
    )


def _image(
    breast: Breast,
    case: Case,
    views: list[Header],
    drawn: dict[Breast, tuple[Place, list[Box]]],
) -> Image:
    if not views:
        raise NotTakenError("no image of the labelled breast")
    if breast not in drawn:
        raise NotTakenError("TOMPEI-CMMD marks no calcification in it")
    oblique = [header for header in views if header.view == "MLO"]
    if len(oblique) != 1:
        raise NotTakenError(
            "two images are called the same view of one breast; one has the wrong side"
            if oblique
            else "no MLO image of the labelled breast"
        )
    header = oblique[0]
    return Image(
        image_id=pseudonym(case.case_id, header.view),
        path=header.path,
        view=header.view,
        laterality=header.side,
        box=roi_boxes.only(drawn[breast][1], header.shape),
        has_spacing=header.has_spacing,
    )


def _settle_images(
    ledger: Ledger,
    images: dict[Breast, list[Header]],
    taken: dict[Breast, Taken],
    reasons: dict[Breast, str],
) -> None:
    for breast, views in images.items():
        for header in views:
            place = Place(header.path)
            if breast not in taken and breast not in reasons:
                ledger.leave(place, "the other breast: no label, so never called benign")
            elif breast in reasons:
                ledger.leave(place, reasons[breast])
            elif taken[breast][1].path != header.path:
                ledger.leave(place, "a CC view; TOMPEI-CMMD draws on MLO alone")
            else:
                ledger.take(place, *taken[breast])


def _settle_annotations(
    ledger: Ledger,
    drawn: dict[Breast, tuple[Place, list[Box]]],
    taken: dict[Breast, Taken],
    reasons: dict[Breast, str],
) -> None:
    for breast, (place, _) in drawn.items():
        if breast in taken:
            ledger.take(place, *taken[breast])
        else:
            ledger.leave(place, reasons.get(breast, "of a breast without label"))


def _settle_series(
    ledger: Ledger, images: dict[Breast, list[Header]], taken: dict[Breast, Taken]
) -> None:
    """Account for the download's own table of series, where it is there."""
    table = _one(ledger.folder, "metadata.csv")
    if table is None:
        return
    there = {patient for patient, _ in images}
    for place, row in ledger.table(table, ("Subject ID",)):
        patient = row["Subject ID"]
        of_patient = [taken[patient, side] for side in "LR" if (patient, side) in taken]
        for case, image in of_patient:
            ledger.take(place, case, image)
        if not of_patient:
            ledger.leave(
                place,
                "none of its images is taken"
                if patient in there
                else "its images are not under the source folder",
            )


COLLECTION = Collection(
    name="cmmd",
    title="CMMD with TOMPEI-CMMD",
    read=read,
    negative="benign",
    positive="malignant",
    surrogate=BENIGN_OR_MALIGNANT.format(title="CMMD"),
    remarks=(
        "A case is one labelled breast with calcification; its region is TOMPEI-CMMD's, drawn on "
        "the MLO view alone. Images of the other breast have no label and are never called benign.",
    ),
)
