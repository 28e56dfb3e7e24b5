"""CBIS-DDSM: film scans with a mask per calcification; benign against malignant.

Tables `*_case_description_*_set.csv` (Lee et al. 2017, doi 10.1038/sdata.2017.177). Files are
found by the folder that the tables name: file and series names of the download differ from theirs.
"""

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from microcalc.core.errors import StudyError
from microcalc.images import decoders, dicom
from microcalc.images.content import content_errors, read_bytes
from microcalc.ingest import headers
from microcalc.ingest.collection import BENIGN_OR_MALIGNANT, Collection
from microcalc.ingest.ledger import Ledger, Row
from microcalc.ingest.record import Case, Image, NotTakenError, Place, pseudonym
from microcalc.ingest.vocabulary import DENSITY_OF_NUMBER, most_suspicious

_COLUMNS = (
    "patient_id", "breast density", "breast_density", "left or right breast", "image view",
    "abnormality id", "abnormality type", "calc type", "calc distribution", "assessment",
    "pathology", "image file path", "ROI mask file path",
)  # fmt: skip
_REQUIRED = ("patient_id", "pathology", "image file path", "ROI mask file path")
_LABELS = {
    "MALIGNANT": "malignant",
    "BENIGN": "benign",
    "BENIGN_WITHOUT_CALLBACK": "benign",
}
_MORPHOLOGY = {
    **dict.fromkeys(
        (
            *("ROUND_AND_REGULAR", "LUCENT_CENTER", "LUCENT_CENTERED", "EGGSHELL", "VASCULAR"),
            *("COARSE", "PUNCTATE", "SKIN", "DYSTROPHIC", "MILK_OF_CALCIUM", "LARGE_RODLIKE"),
        ),
        "typically benign",
    ),
    "AMORPHOUS": "amorphous",
    "PLEOMORPHIC": "pleomorphic",
    "FINE_LINEAR_BRANCHING": "fine linear-branching",
}
_DISTRIBUTION = {
    "DIFFUSELY_SCATTERED": "diffuse",
    "REGIONAL": "regional",
    "CLUSTERED": "grouped",
    "LINEAR": "linear",
    "SEGMENTAL": "segmental",
}
_SPLIT_OF_SET = {"train": "train", "test": "internal"}

Rows = list[tuple[Place, Row]]


def read(ledger: Ledger) -> None:
    """Take or leave every row of the collection's tables, see `Collection.read`.

    Raises
    ------
    StudyError
        When none of its tables is under the folder, or one cannot be read or lacks a column.
    """
    tables = sorted(ledger.folder.rglob("*_case_description_*_set.csv"))
    if not tables:
        raise StudyError(
            "no table of CBIS-DDSM (calc_case_description_train_set.csv, ...) is under the source "
            "folder"
        )
    sets = {name: _rows(ledger, tables, name) for name in _SPLIT_OF_SET}
    trained = {row["patient_id"] for _, row in sets["train"]}
    folders = _folders(ledger.folder)
    for name, rows in sets.items():
        split = _SPLIT_OF_SET[name] if all(sets.values()) else ""
        seen = trained if name == "test" else set()
        for views in _lesions(rows):
            _take(ledger, views, split, seen, folders)


def _rows(ledger: Ledger, tables: Iterable[Path], name: str) -> Rows:
    """Return the rows of the training or test tables; the mass tables write `breast_density`."""
    found: Rows = []
    for table in tables:
        if table.name.endswith(f"_{name}_set.csv"):
            found += ledger.table(table, _COLUMNS, required=_REQUIRED)
    return found


def _lesions(rows: Rows) -> list[Rows]:
    """Return the rows of each abnormality: its views."""
    groups: dict[tuple[str, ...], Rows] = defaultdict(list)
    for place, row in rows:
        groups[row["abnormality type"], *_lesion(row)].append((place, row))
    return list(groups.values())


def _lesion(row: Row) -> tuple[str, str, str]:
    return row["patient_id"], row["left or right breast"], row["abnormality id"]


def _take(
    ledger: Ledger, views: Rows, split: str, trained: set[str], folders: dict[str, list[str]]
) -> None:
    seen: set[str] = set()
    for place, row in views:
        with ledger.entry(place):
            if row["image view"] in seen:
                raise NotTakenError("the same view of its lesion once more")
            seen.add(row["image view"])
            case = _case([row for _, row in views], split, trained)
            ledger.take(place, case, _image(ledger.folder, row, case, folders))


def _case(views: list[Row], split: str, trained: set[str]) -> Case:
    first = views[0]
    if first["abnormality type"] != "calcification":
        raise NotTakenError("a mass, no calcification")
    if first["patient_id"] in trained:
        raise NotTakenError("its patient is in the training set too")
    if any(row["pathology"] not in _LABELS for row in views):
        raise NotTakenError("no pathology")
    labels = {_LABELS[row["pathology"]] for row in views}
    if len(labels) > 1:
        raise NotTakenError("its views have different pathology")
    return Case(
        case_id=pseudonym(*_lesion(first)),
        patient_id=pseudonym(first["patient_id"]),
        center="CBIS-DDSM",
        label=labels.pop(),
        split=split,
        clinical={
            "birads": most_suspicious("birads", [row["assessment"] for row in views]),
            "breast_density": _density(views),
            "morphology": _described("morphology", "calc type", views, _MORPHOLOGY),
            "distribution": _described("distribution", "calc distribution", views, _DISTRIBUTION),
        },
    )


def _density(views: list[Row]) -> str:
    said = [row.get("breast density") or row.get("breast_density", "") for row in views]
    return most_suspicious("breast_density", [DENSITY_OF_NUMBER.get(number, "") for number in said])


def _described(variable: str, column: str, views: list[Row], levels: dict[str, str]) -> str:
    """Return the most suspicious of descriptors such as CLUSTERED-LINEAR, over all views."""
    words = [word for row in views for word in row[column].split("-")]
    return most_suspicious(variable, [levels.get(word, "") for word in words])


def _folders(source: Path) -> dict[str, list[str]]:
    """Return the DICOM files below each folder that is named for a mammogram or an abnormality."""
    found: dict[str, list[str]] = defaultdict(list)
    for folder, _, names in os.walk(source):
        parts = Path(folder).relative_to(source).parts
        named = [part for part in parts if part.startswith(("Calc-", "Mass-"))]
        for name in sorted(names):
            if named and name.endswith(".dcm"):
                found[named[0]].append(Path(*parts, name).as_posix())
    return found


def _image(source: Path, row: Row, case: Case, folders: dict[str, list[str]]) -> Image:
    scans = folders.get(row["image file path"].split("/")[0], [])
    if not scans:
        raise NotTakenError("its image is not under the source folder")
    if len(scans) > 1:
        raise NotTakenError("its folder holds several images")
    header = headers.read(source, scans[0])
    mask = _mask(source, folders.get(row["ROI mask file path"].split("/")[0], []))
    if headers.read(source, mask).shape != header.shape:
        raise NotTakenError("its mask is of another size than its image")
    return Image(
        image_id=pseudonym(case.case_id, row["image view"]),
        path=header.path,
        view=row["image view"],
        laterality=row["left or right breast"][:1],
        roi_path=mask,
        has_spacing=header.has_spacing,
    )


def _mask(source: Path, candidates: list[str]) -> str:
    """Return the file of two values, background and region; the cropped image holds many."""
    masks = [path for path in candidates if _is_mask(source, path)]
    if len(masks) != 1:
        raise NotTakenError(
            "none of its ROI files is a mask" if not masks else "several of its ROI files are masks"
        )
    return masks[0]


def _is_mask(source: Path, path: str) -> bool:
    try:
        with content_errors(path):
            dataset = dicom.parse(read_bytes(source / path, image_id=path))
            pixels = decoders.decompressed(dataset).pixel_array
    except StudyError:
        return False
    highest = pixels.max()
    return bool(highest > 0 and ((pixels == 0) | (pixels == highest)).all())


COLLECTION = Collection(
    name="cbis-ddsm",
    title="CBIS-DDSM",
    read=read,
    negative="benign",
    positive="malignant",
    surrogate=BENIGN_OR_MALIGNANT.format(title="CBIS-DDSM"),
    remarks=(
        "BENIGN_WITHOUT_CALLBACK counts as benign. Where the views of a lesion are described "
        "differently, the most suspicious word stands.",
        "The scans carry no pixel spacing, and none is assumed. Fill in column spacing_mm of the "
        "images table, or ingest again with spacing_mm=... (DDSM's scanners sampled film at 0.042 "
        "to 0.05 mm).",
        "Where the official training and test sets are both there, they become train and internal.",
    ),
)
