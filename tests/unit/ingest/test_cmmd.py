"""CMMD and TOMPEI-CMMD in miniature: unlabelled breasts, wrong sides, macOS's doubles."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydicom.dataset import Dataset
from tests.unit.ingest.miniature import BOXES, Fates, Taken, accepted, fates, mammogram, records

from microcalc.core.errors import StudyError

NAME = "cmmd"
WORKBOOK, SERIES = "CMMD_clinicaldata_revision.xlsx", "metadata.csv"
CODES = {"CC": "cranio-caudal", "MLO": "medio-lateral oblique"}
OTHER = "the other breast: no label, so never called benign"
CC_VIEW = "a CC view; TOMPEI-CMMD draws on MLO alone"


class Builder:
    """Lays out breasts, annotations and the workbook, and notes what must become of each."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.fates = folder, Fates()
        self.rows: list[dict[str, Any]] = []
        self.series: list[dict[str, Any]] = []
        self.seed = 0

    def image(self, patient: str, side: str, view: str, expected: Any, **more: Any) -> str:
        self.seed += 1
        path = f"CMMD/{patient}/07-18-2010-NA-NA-1/1.000000-NA-1/1-{self.seed}.dcm"
        code = Dataset()
        code.CodeMeaning = CODES[view]
        mammogram(
            self.folder / path,
            seed=self.seed,
            side=side,
            **{
                "PatientID": patient,
                "ViewPosition": "",
                "ViewCodeSequence": [code],
                "eight_bits": patient != "D1-1343",
            }
            | more,
        )
        self.fates[path, ""] = expected
        return path

    def breast(self, patient: str, side: str, expected: Any = "", **changes: Any) -> None:
        said = {"Age": 50, "abnormality": "calcification", "classification": "Benign"} | changes
        named = {"ID1": patient, "LeftRight": side, "number": 2, "subtype": ""}
        columns = ("Age", "abnormality", "classification")
        self.rows.append(named | {name: said[name] for name in columns})
        self.fates[WORKBOOK, f"line {len(self.rows) + 1}"] = expected

    def annotation(self, patient: str, side: str, expected: Any, *regions: Any) -> None:
        name = f"{patient}_MLO_{side}_AnnotationFile.json"
        drawn = [
            {"cgPoints": [{"x": x, "y": y} for x, y in points], "label": label}
            for label, points in regions
        ]
        path = self.folder / "TOMPEI" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(drawn))
        self.fates[f"TOMPEI/{name}", ""] = expected
        double = self.folder / "__MACOSX" / "TOMPEI" / f"._{name}"
        double.parent.mkdir(parents=True, exist_ok=True)
        double.write_bytes(b"\0\5\26\7\0\2Mac OS X")
        self.fates[f"__MACOSX/TOMPEI/._{name}", ""] = "a double that macOS left, no annotation"

    def in_table(self, patient: str, expected: Any) -> None:
        location = f".\\CMMD\\{patient}\\07-18-2010-NA-NA-1\\1.000000-NA-1"
        self.series.append({"Series UID": "1.2", "Subject ID": patient, "File Location": location})
        self.fates[SERIES, f"line {len(self.series) + 1}"] = expected

    def whole(self, patient: str, side: str, label: str, abnormality: str = "both") -> None:
        """Add a labelled breast with all that belongs to it."""
        positive = label == "Malignant"
        self.image(patient, side, "CC", CC_VIEW, positive=positive)
        path = self.image(patient, side, "MLO", "", positive=positive)
        taken = Taken(label.lower(), path, BOXES[side])
        self.fates[path, ""] = taken
        self.breast(
            patient,
            side,
            taken,
            classification=label,
            abnormality=abnormality,
            Age=40 + self.seed % 30,
        )
        self.annotation(patient, side, taken, ("calc ", corners(side)), ("mass", [(1, 1), (9, 9)]))
        self.in_table(patient, taken)

    def write(self) -> Fates:
        pd.DataFrame(self.rows).to_excel(self.folder / WORKBOOK, index=False)
        if self.series:
            pd.DataFrame(self.series).to_csv(self.folder / SERIES, index=False)
        return self.fates


def corners(side: str) -> list[tuple[float, float]]:
    x0, y0, x1, y1 = BOXES[side]
    return [(x0, y0), (x1, y0 + 9), (x1 - 5, y1), (x0 + 1, y1 - 7)]


def build(folder: Path, ordinary: int = 2) -> Fates:
    """Lay out `ordinary` labelled breasts and the traps."""
    made = Builder(folder)
    for i in range(ordinary):
        label = "Malignant" if i % 2 else "Benign"
        kind = "calcification" if i % 3 else "both"
        made.whole(f"D1-{i + 1:04d}", "R" if i % 4 == 3 else "L", label, kind)
    # One image in 16 bits among all those of 8.
    made.whole("D1-1343", "L", "Malignant")
    # The other breast was imaged too.
    made.whole("D2-0001", "L", "Benign")
    for view in CODES:
        made.image("D2-0001", "R", view, OTHER)
    made.annotation("D2-0001", "R", "of a breast without label", ("calc", corners("R")))

    mass = "a mass without calcification"
    made.breast("D2-0002", "L", mass, abnormality="mass")
    made.image("D2-0002", "L", "MLO", mass)
    made.in_table("D2-0002", "none of its images is taken")

    twice = "two images are called the same view of one breast; one has the wrong side"
    made.breast("D2-0003", "L", twice)
    for view in ("CC", "MLO", "MLO"):
        made.image("D2-0003", "L", view, twice)
    made.annotation("D2-0003", "L", twice, ("calc", corners("L")))

    made.breast("D2-0004", "R", "no image of the labelled breast")
    made.image("D2-0004", "L", "MLO", OTHER)

    undrawn = "TOMPEI-CMMD marks no calcification in it"
    made.breast("D2-0005", "L", undrawn)
    made.image("D2-0005", "L", "MLO", undrawn)
    made.annotation("D2-0005", "L", undrawn, ("mass", corners("L")), ("FAD ", corners("L")))

    apart = "several regions lie apart; nothing says which one the label is about"
    made.breast("D2-0006", "L", apart)
    made.image("D2-0006", "L", "MLO", apart)
    far = [(10.0, 10.0), (15.0, 15.0)]
    made.annotation("D2-0006", "L", apart, ("calc", corners("L")), ("calc", far))

    outside = "its region lies outside the image"
    made.breast("D2-0007", "L", outside)
    made.image("D2-0007", "L", "MLO", outside)
    made.annotation("D2-0007", "L", outside, ("calc", [(900.0, 900.0), (990.0, 990.0)]))

    made.breast("D2-0008", "L", "no MLO image of the labelled breast")
    made.image("D2-0008", "L", "CC", "no MLO image of the labelled breast")
    made.annotation("D2-0008", "L", "no MLO image of the labelled breast", ("calc", corners("L")))

    made.breast("D2-0009", "L", "no classification", classification="")
    made.breast("D2-0010", "L", "no image of the labelled breast")
    made.in_table("D2-0010", "its images are not under the source folder")
    return made.write()


def test_every_row_image_and_annotation_has_its_fate(tmp_path: Path) -> None:
    expected = build(tmp_path, ordinary=4)
    assert fates(records(NAME, tmp_path)) == expected


def test_the_study_accepts_what_is_written(tmp_path: Path) -> None:
    config, cohort = accepted(NAME, build, tmp_path, ordinary=4)
    assert config.labels.surrogate.startswith("The label of CMMD is benign or malignant.")
    assert set(config.clinical) == {"age", "lesion_type"}
    assert {case["label"] for case in cohort.cases} == {"benign", "malignant"}


def test_pieces_of_one_outline_are_one_region(tmp_path: Path) -> None:
    made = Builder(tmp_path)
    made.image("D1-0001", "L", "MLO", "")
    made.breast("D1-0001", "L")
    pieces = ([(20.0, 80.0), (45.0, 110.0)], [(40.0, 90.0), (60.0, 120.0)])
    made.annotation("D1-0001", "L", "", *(("calc", points) for points in pieces))
    made.write()
    (image,) = {record.image for record in records(NAME, tmp_path) if record.image}
    assert image.box == (20.0, 80.0, 60.0, 120.0)


def test_a_workbook_of_another_version_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"ID1": ["D1-0001"]}).to_excel(tmp_path / WORKBOOK, index=False)
    with pytest.raises(StudyError, match=r"has no column 'LeftRight'"):
        records(NAME, tmp_path)
