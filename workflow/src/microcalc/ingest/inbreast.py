"""INbreast: outlines in Apple property lists and BI-RADS, no pathology.

`INbreast.csv`, `AllDICOMs/<file>_<patient>_MG_<side>_<view>_ANON.dcm`, `AllXML/<file>.xml` (Moreira
et al. 2012, doi 10.1016/j.acra.2011.09.014).
"""

import plistlib
import re
from collections import defaultdict
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from microcalc.core.errors import StudyError
from microcalc.ingest import headers, roi_boxes
from microcalc.ingest.collection import Collection
from microcalc.ingest.ledger import Ledger, Row
from microcalc.ingest.record import Box, Case, Image, NotTakenError, Place, pseudonym
from microcalc.ingest.vocabulary import DENSITY_OF_NUMBER, most_suspicious

_COLUMNS = ("Laterality", "View", "File Name", "ACR", "Bi-Rads")
_POINT = re.compile(r"\(\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*\)")

Rows = list[tuple[Place, Row]]


def read(ledger: Ledger) -> None:
    """Take or leave every row of the collection's table, see `Collection.read`.

    Raises
    ------
    StudyError
        When INbreast.csv is not under the folder, cannot be read or lacks a column.
    """
    table = min(ledger.folder.rglob("INbreast.csv"), default=None)
    if table is None:
        raise StudyError("no INbreast.csv is under the source folder")
    images = _by_number(ledger.folder, "*.dcm")
    outlines = _by_number(ledger.folder, "*.xml")
    breasts: dict[tuple[str, str], Rows] = defaultdict(list)
    for place, row in ledger.table(table, _COLUMNS):
        with ledger.entry(place):
            if row["File Name"] not in images:
                raise NotTakenError("its image is not under the source folder")
            patient = _patient(images[row["File Name"]])
            breasts[patient, row["Laterality"]].append((place, row))
    for (patient, _), views in breasts.items():
        case = _case(patient, [row for _, row in views])
        for place, row in views:
            with ledger.entry(place):
                ledger.take(place, case, _image(ledger, case, row, images, outlines))


def _by_number(folder: Path, pattern: str) -> dict[str, Path]:
    """Return files by the number that their names begin with; macOS's doubles stay out."""
    found = {}
    for path in sorted(folder.rglob(pattern)):
        number = re.match(r"\d+", path.name)
        if number and "__MACOSX" not in path.parts:
            found[number[0]] = path
    return found


def _patient(image: Path) -> str:
    """Return the patient's code, which the file's name holds and the table does not."""
    parts = image.stem.split("_")
    return parts[1] if len(parts) > 1 else parts[0]


def _case(patient: str, views: list[Row]) -> Case:
    return Case(
        case_id=pseudonym(patient, views[0]["Laterality"]),
        patient_id=pseudonym(patient),
        center="INbreast",
        clinical={
            "birads": most_suspicious("birads", [row["Bi-Rads"].upper() for row in views]),
            "breast_density": most_suspicious(
                "breast_density", [DENSITY_OF_NUMBER.get(row["ACR"], "") for row in views]
            ),
        },
    )


def _image(
    ledger: Ledger, case: Case, row: Row, images: dict[str, Path], outlines: dict[str, Path]
) -> Image:
    number = row["File Name"]
    if row["View"] not in headers.VIEWS:
        raise NotTakenError("a view other than CC and MLO")
    if number not in outlines:
        raise NotTakenError("nothing is drawn in it")
    header = headers.read(ledger.folder, ledger.relative(images[number]))
    return Image(
        image_id=pseudonym(case.case_id, row["View"], number),
        path=header.path,
        view=row["View"],
        laterality=row["Laterality"],
        box=roi_boxes.only(_clusters(outlines[number]), header.shape),
        has_spacing=header.has_spacing,
    )


def _clusters(path: Path) -> list[Box]:
    """Return the boxes around outlined clusters; single calcifications are points of no extent."""
    try:
        drawn = plistlib.loads(path.read_bytes())["Images"]
        outlined = [region for image in drawn for region in image["ROIs"]]
        names = [_name(region) for region in outlined]
    except (plistlib.InvalidFileException, ExpatError, ValueError, KeyError, TypeError):
        raise NotTakenError("its outlines cannot be read") from None
    if not any("cluster" in name or "calcification" in name for name in names):
        raise NotTakenError("no calcification is drawn in it")
    boxes = [
        roi_boxes.around(_points(region))
        for region, name in zip(outlined, names, strict=True)
        if "cluster" in name
    ]
    if not boxes:
        raise NotTakenError("calcifications are drawn one by one, no cluster")
    return boxes


def _name(region: Any) -> str:
    return str(region["Name"]).strip().casefold()


def _points(region: Any) -> list[tuple[float, float]]:
    """Return the corners, which the file holds as text such as "(1204.5, 880.2)"."""
    matches = [_POINT.fullmatch(str(text).strip()) for text in region.get("Point_px", [])]
    return [(float(match[1]), float(match[2])) for match in matches if match]


COLLECTION = Collection(
    name="inbreast",
    title="INbreast",
    read=read,
    remarks=(
        "The collection has no pathology, so that column label of the case table is empty: fill it "
        "in from elsewhere, or apply frozen models. BI-RADS is a reading of the very images; as a "
        "label it would be circular.",
        "A case is the cluster of calcifications of one breast.",
    ),
)
