"""VinDr-Mammo: boxes and BI-RADS, no pathology.

`finding_annotations.csv` has one row per finding of an image (Nguyen et al. 2023, doi
10.1038/s41597-023-02100-7); the images are `images/<study_id>/<image_id>.dicom`.
"""

import ast
from collections import defaultdict

from microcalc.core.errors import StudyError
from microcalc.ingest import headers, roi_boxes
from microcalc.ingest.collection import Collection
from microcalc.ingest.ledger import Ledger, Row
from microcalc.ingest.record import Case, Image, NotTakenError, Place, pseudonym
from microcalc.ingest.vocabulary import most_suspicious

_COLUMNS = (
    "study_id", "image_id", "laterality", "view_position", "breast_density", "finding_categories",
    "finding_birads", "xmin", "ymin", "xmax", "ymax", "split",
)  # fmt: skip
_SPLITS = {"training": "train", "test": "internal"}

Rows = list[tuple[Place, Row]]


def read(ledger: Ledger) -> None:
    """Take or leave every row of the table of findings, see `Collection.read`.

    Raises
    ------
    StudyError
        When finding_annotations.csv is not under the folder, cannot be read or lacks a column.
    """
    table = min(ledger.folder.rglob("finding_annotations.csv"), default=None)
    if table is None:
        raise StudyError("no finding_annotations.csv of VinDr-Mammo is under the source folder")
    root = ledger.relative(table.parent)
    breasts: dict[tuple[str, str], Rows] = defaultdict(list)
    for place, row in ledger.table(table, _COLUMNS):
        with ledger.entry(place):
            if "Suspicious Calcification" not in _categories(row):
                raise NotTakenError("no suspicious calcification")
            breasts[row["study_id"], row["laterality"]].append((place, row))
    for findings in breasts.values():
        case = _case([row for _, row in findings])
        for image_id in sorted({row["image_id"] for _, row in findings}):
            _take(ledger, root, case, [f for f in findings if f[1]["image_id"] == image_id])


def _categories(row: Row) -> list[str]:
    """Return the categories, which the table holds as a Python list in one cell."""
    try:
        return [str(name) for name in ast.literal_eval(row["finding_categories"])]
    except (ValueError, SyntaxError, TypeError):
        raise NotTakenError("its finding_categories cannot be read") from None


def _case(findings: list[Row]) -> Case:
    first = findings[0]
    masses = any("Mass" in _categories(row) for row in findings)
    grades = [row["finding_birads"].removeprefix("BI-RADS").strip() for row in findings]
    return Case(
        case_id=pseudonym(first["study_id"], first["laterality"]),
        patient_id=pseudonym(first["study_id"]),
        center="VinDr-Mammo",
        split=_SPLITS.get(first["split"], ""),
        clinical={
            "lesion_type": "with mass" if masses else "calcification only",
            "birads": most_suspicious("birads", grades),
            "breast_density": first["breast_density"].removeprefix("DENSITY").strip(),
        },
    )


def _take(ledger: Ledger, root: str, case: Case, findings: Rows) -> None:
    """Take or leave one image, and so every finding in it."""
    try:
        image = _image(ledger, root, case, [row for _, row in findings])
    except NotTakenError as reason:
        for place, _ in findings:
            ledger.leave(place, str(reason))
    else:
        for place, _ in findings:
            ledger.take(place, case, image)


def _image(ledger: Ledger, root: str, case: Case, findings: list[Row]) -> Image:
    first = findings[0]
    path = f"{root}/images/{first['study_id']}/{first['image_id']}.dicom".removeprefix("./")
    header = headers.read(ledger.folder, path)
    if first["view_position"] not in headers.VIEWS:
        raise NotTakenError("a view other than CC and MLO")
    boxes = [
        roi_boxes.around([(row["xmin"], row["ymin"]), (row["xmax"], row["ymax"])])
        for row in findings
    ]
    return Image(
        image_id=pseudonym(first["image_id"]),
        path=path,
        view=first["view_position"],
        laterality=first["laterality"],
        box=roi_boxes.only(boxes, header.shape),
        has_spacing=header.has_spacing,
    )


COLLECTION = Collection(
    name="vindr-mammo",
    title="VinDr-Mammo",
    read=read,
    remarks=(
        "The collection has no pathology, so that column label of the case table is empty: fill it "
        "in from elsewhere, or apply frozen models. BI-RADS is a reading of the very images; as a "
        "label it would be circular.",
        "A case is the suspicious calcification of one breast.",
    ),
)
