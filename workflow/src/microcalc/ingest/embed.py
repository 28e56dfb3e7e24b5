"""EMBED: invasive against in situ by pathology, boxes that radiologists drew.

`EMBED_OpenData_clinical.csv` has one row per finding, `EMBED_OpenData_metadata.csv` one per image
(Jeong et al. 2023, doi 10.1148/ryai.220047). Codes are those of the collection's clinical legend.
"""

import ast
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from microcalc.core.errors import StudyError
from microcalc.core.files import digest_bytes
from microcalc.ingest import headers, roi_boxes
from microcalc.ingest.collection import Collection
from microcalc.ingest.ledger import Ledger, Row
from microcalc.ingest.record import Box, Case, Image, NotTakenError, Place, pseudonym
from microcalc.ingest.vocabulary import DENSITY_OF_NUMBER, most_suspicious

_CLINICAL = (
    "empi_anon", "acc_anon", "tissueden", "asses", "side", "massshape", "calcfind", "calcdistri",
    "bside", "path_severity", "age_at_study",
)  # fmt: skip
_METADATA = (
    "acc_anon", "anon_dicom_path", "FinalImageType", "ImageLateralityFinal", "ViewPosition",
    "spot_mag", "ROI_coords",
)  # fmt: skip
_LABELS = {"0": "IDC", "1": "DCIS"}
# A asks for more views and K knows the biopsy: neither grades suspicion.
_BIRADS = {"N": "1", "B": "2", "P": "3", "S": "4", "M": "5"}
_MORPHOLOGY = {
    **dict.fromkeys("9CDELMJPRSOUVQ", "typically benign"),
    "A": "amorphous",
    "H": "coarse heterogeneous",
    **dict.fromkeys("IK", "pleomorphic"),
    **dict.fromkeys("FB", "fine linear-branching"),
}
_DISTRIBUTION = {
    "D": "diffuse",
    "R": "regional",
    **dict.fromkeys("GC", "grouped"),
    "L": "linear",
    "S": "segmental",
}
_UNTOLD = "another finding in the same breast, and nothing tells their regions apart"

Breast = tuple[str, str]
"""Examination and side."""


@dataclass
class _Finding:
    """A finding with pathology, and the breasts that it may be in."""

    place: Place
    row: Row
    sides: str


def read(ledger: Ledger) -> None:
    """Take or leave every finding and every image, see `Collection.read`.

    Raises
    ------
    StudyError
        When the table of findings or that of images is not under the folder, cannot be read or
        lacks a column.
    """
    breasts: dict[Breast, list[_Finding]] = defaultdict(list)
    findings, ambiguous = _findings(ledger)
    for finding in findings:
        for side in finding.sides:
            breasts[_exam(finding.row), side].append(finding)
    cases: dict[Breast, Case] = {}
    reasons: dict[Breast, str] = {}
    for breast, found in breasts.items():
        try:
            if breast in ambiguous:
                raise NotTakenError(_UNTOLD)
            cases[breast] = _case(breast, [finding.row for finding in found])
        except NotTakenError as reason:
            reasons[breast] = str(reason)
    pictured = _take_images(ledger, cases, reasons)
    for finding in findings:
        own = [(_exam(finding.row), side) for side in finding.sides]
        for breast in own:
            if breast in pictured:
                ledger.take(finding.place, cases[breast])
        if not any(breast in pictured for breast in own):
            why = [reasons[breast] for breast in own if breast in reasons]
            ledger.leave(finding.place, why[0] if why else "no image of it can be used")


def _table(folder: Path, kind: str) -> Path:
    """Return the whole table where it is there, else the reduced one."""
    for name in (f"EMBED_OpenData_{kind}.csv", f"EMBED_OpenData_{kind}_reduced.csv"):
        found = min(folder.rglob(name), default=None)
        if found is not None:
            return found
    raise StudyError(f"no EMBED_OpenData_{kind}.csv is under the source folder")


def _findings(ledger: Ledger) -> tuple[list[_Finding], set[Breast]]:
    """Return the findings that answer the study's question, and breasts that hold others too."""
    found: list[_Finding] = []
    ambiguous: set[Breast] = set()
    required = set(_CLINICAL) - {"age_at_study", "bside"}
    for place, row in ledger.table(_table(ledger.folder, "clinical"), _CLINICAL, required=required):
        try:
            _refuse(row)
            found.append(_Finding(place, row, _sides(row, row.get("bside", ""))))
        except NotTakenError as reason:
            ledger.leave(place, str(reason))
            if any(row[name] for name in ("massshape", "calcfind", "calcdistri")):
                ambiguous |= {(_exam(row), side) for side in _sides(row)}
    return found, ambiguous


def _refuse(row: Row) -> None:
    """Raise NotTakenError for a finding without an answer to the study's question."""
    severity = _number(row["path_severity"])
    if not severity:
        raise NotTakenError("no pathology")
    if severity not in _LABELS:
        raise NotTakenError("its pathology is neither invasive nor in situ cancer")
    if not row["calcfind"] and not row["calcdistri"]:
        raise NotTakenError("no calcification described")


def _exam(row: Row) -> str:
    return _number(row["acc_anon"])


def _number(text: str) -> str:
    """Return a whole number without the ".0" that an empty cell in its column gives it."""
    return text.removesuffix(".0")


def _sides(row: Row, biopsied: str = "") -> str:
    """Return the breasts a finding is in: B, or nothing said, is both, and a biopsy narrows it."""
    side, biopsied = row["side"].upper(), biopsied.upper()
    sides = side if side in {"L", "R"} else "LR"
    if biopsied in {"L", "R"}:
        sides = "".join(one for one in sides if one == biopsied)
    if not sides:
        raise NotTakenError("the biopsy was of the other breast")
    return sides


def _case(breast: Breast, findings: list[Row]) -> Case:
    labels = {_LABELS[_number(row["path_severity"])] for row in findings}
    if len(labels) > 1:
        raise NotTakenError(_UNTOLD)
    first = findings[0]
    return Case(
        case_id=pseudonym(*breast),
        patient_id=pseudonym(_number(first["empi_anon"])),
        center="EMBED",
        label=labels.pop(),
        clinical={
            "age": first.get("age_at_study", ""),
            "lesion_type": (
                "with mass" if any(row["massshape"] for row in findings) else "calcification only"
            ),
            "birads": _described("birads", "asses", findings, _BIRADS),
            "breast_density": DENSITY_OF_NUMBER.get(_number(first["tissueden"]), ""),
            "morphology": _described("morphology", "calcfind", findings, _MORPHOLOGY),
            "distribution": _described("distribution", "calcdistri", findings, _DISTRIBUTION),
        },
    )


def _described(variable: str, column: str, findings: list[Row], levels: dict[str, str]) -> str:
    """Return the most suspicious of the codes, of which a cell can hold several."""
    return most_suspicious(
        variable, [levels.get(code, "") for row in findings for code in row[column].upper()]
    )


def _take_images(
    ledger: Ledger, cases: dict[Breast, Case], reasons: dict[Breast, str]
) -> set[Breast]:
    """Take or leave every image; return the breasts of which one was taken."""
    pictured = set()
    for place, row in ledger.table(_table(ledger.folder, "metadata"), _METADATA):
        with ledger.entry(place):
            breast = _exam(row), row["ImageLateralityFinal"].upper()
            if breast in reasons:
                raise NotTakenError(reasons[breast])
            if breast not in cases:
                raise NotTakenError("of no finding that is taken")
            ledger.take(place, cases[breast], _image(ledger.folder, row, cases[breast]))
            pictured.add(breast)
    return pictured


def _image(folder: Path, row: Row, case: Case) -> Image:
    if row["FinalImageType"].upper() != "2D":
        raise NotTakenError("a synthetic view or a screen shot, no 2D mammogram")
    if _number(row["spot_mag"]) == "1":
        raise NotTakenError("spot compression or magnification view")
    if row["ViewPosition"] not in headers.VIEWS:
        raise NotTakenError("a view other than CC and MLO")
    boxes = _boxes(row["ROI_coords"])
    header = headers.read(folder, _found(folder, row["anon_dicom_path"]))
    key = digest_bytes(row["anon_dicom_path"].encode())[:8]
    return Image(
        image_id=pseudonym(case.case_id, row["ViewPosition"], key),
        path=header.path,
        view=row["ViewPosition"],
        laterality=row["ImageLateralityFinal"].upper(),
        box=roi_boxes.only(boxes, header.shape),
        has_spacing=header.has_spacing,
    )


def _boxes(coordinates: str) -> list[Box]:
    """Return the boxes in a cell, which gives each as ymin, xmin, ymax, xmax."""
    try:
        corners = [tuple(map(float, box)) for box in ast.literal_eval(coordinates or "[]")]
        return [
            roi_boxes.around([(xmin, ymin), (xmax, ymax)]) for ymin, xmin, ymax, xmax in corners
        ]
    except (ValueError, SyntaxError, TypeError):
        raise NotTakenError("its ROI_coords cannot be read") from None


def _found(folder: Path, stated: str) -> str:
    """Return the path below `folder` that a path on Emory's own disks ends in."""
    parts = PurePosixPath(stated).parts
    for start in range(len(parts)):
        for root in ("", "images/"):
            path = root + "/".join(parts[start:])
            if not path.startswith("/") and (folder / path).is_file():
                return path
    raise NotTakenError("its image is not under the source folder")


COLLECTION = Collection(
    name="embed",
    title="EMBED",
    read=read,
    remarks=(
        "Terms: non-commercial research only. Neither the data nor any part of them may be "
        "redistributed, and no model, weights or embeddings trained on them may be released "
        "without Emory's written permission. The frozen models and feature tables of this study "
        "fall under that.",
        "IDC stands for any invasive cancer (path_severity 0), DCIS for any non-invasive one (1).",
        "A case is one breast in one examination: regions belong to images, not to findings.",
    ),
)
