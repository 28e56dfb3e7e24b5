"""INbreast, VinDr-Mammo and a folder of DICOM files in miniature: regions or none, no pathology."""

import csv
import plistlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.unit.ingest.miniature import (
    BOXES,
    Fates,
    Taken,
    cohort_of,
    config_of,
    fates,
    ingest,
    mammogram,
    patches_of,
    records,
)

from microcalc.core.errors import StudyError

CLUSTER = [(20.0, 80.0), (60.0, 90.0), (50.0, 120.0)]


class INbreast:
    """The table, outlines and images of INbreast."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.fates = folder, Fates()
        self.rows: list[list[str]] = []

    def image(self, patient: str, expected: Any = "", **said: Any) -> None:
        """Add an image; `drawn` are (name, points) of its outlines, None for no XML file."""
        number = 20586908 + len(self.rows)
        view, birads = said.get("view", "CC"), said.get("birads", "4a")
        self.rows.append(
            ["removed", "removed", "L", view, "201001", str(number), said.get("acr", "2 "), birads]
        )
        path = f"AllDICOMs/{number}_{patient}_MG_L_{view.replace('MLO', 'ML')}_ANON.dcm"
        if said.get("there", True):
            positive = said.get("positive", False)
            mammogram(self.folder / path, seed=number, ViewPosition="", positive=positive)
        drawn = said.get("drawn", [("Cluster ", CLUSTER)])
        if drawn is not None:
            content = {"Images": [{"NumberOfROIs": len(drawn), "ROIs": [*map(outline, drawn)]}]}
            xml = self.folder / "AllXML" / f"{number}.xml"
            xml.parent.mkdir(parents=True, exist_ok=True)
            xml.write_bytes(plistlib.dumps(content))
        fate = expected or Taken("", path, BOXES["L"])
        self.fates["INbreast.csv", f"line {len(self.rows) + 1}"] = fate

    def write(self) -> Fates:
        header = "Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads"
        lines = [header, *(";".join(row) for row in self.rows)]
        (self.folder / "INbreast.csv").write_text("\n".join(lines) + "\n")
        return self.fates


def outline(drawn: tuple[str, list[tuple[float, float]]]) -> dict[str, Any]:
    name, points = drawn
    return {"Name": name, "Point_px": [f"({x:.6f}, {y:.6f})" for x, y in points]}


def build_inbreast(folder: Path, ordinary: int = 2) -> Fates:
    made = INbreast(folder)
    for i in range(ordinary):
        for view in ("CC", "MLO"):
            grade = ("4a", "4b", "4c", "5")[i % 4]
            made.image(
                f"{i:016x}", view=view, birads=grade, acr=f"{1 + i % 4}", positive=bool(i % 2)
            )
    patient = "f" * 16
    made.image(patient, "its image is not under the source folder", there=False)
    made.image(patient, "nothing is drawn in it", drawn=None, birads="1")
    made.image(patient, "no calcification is drawn in it", drawn=[("Mass", CLUSTER)])
    single = [("Calcification", [(30.0, 90.0)]), ("Calcification", [(33.0, 95.0)])]
    made.image(patient, "calcifications are drawn one by one, no cluster", drawn=single)
    apart = "several regions lie apart; nothing says which one the label is about"
    far = ("Cluster", [(5.0, 5.0), (9.0, 9.0)])
    made.image(patient, apart, drawn=[("Cluster", CLUSTER), far])
    made.image(patient, "a view other than CC and MLO", view="FB")
    made.image(patient, drawn=[("Mass", CLUSTER), ("Cluster", CLUSTER)])
    return made.write()


class VinDr:
    """The table of findings and the images of VinDr-Mammo."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.fates = folder, Fates()
        self.rows: list[dict[str, Any]] = []

    def finding(self, study: str, image: str, expected: Any = "", **said: Any) -> None:
        x0, y0, x1, y1 = BOXES["L"]
        row = {
            "study_id": study,
            "series_id": "s",
            "image_id": image,
            "laterality": "L",
            "view_position": "CC",
            "height": 200,
            "width": 150,
            "breast_birads": "BI-RADS 4",
            "breast_density": "DENSITY C",
            "finding_categories": "['Suspicious Calcification']",
            "finding_birads": "BI-RADS 4",
            "xmin": x0,
            "ymin": y0,
            "xmax": x1,
            "ymax": y1,
            "split": "training",
        }
        self.rows.append(row | {name: value for name, value in said.items() if name in row})
        path = f"images/{study}/{image}.dicom"
        if said.get("there", True) and not (self.folder / path).exists():
            positive = said.get("positive", False)
            mammogram(self.folder / path, seed=len(self.rows), positive=positive)
        fate = expected or Taken("", path, BOXES["L"])
        self.fates["finding_annotations.csv", f"line {len(self.rows) + 1}"] = fate

    def write(self) -> Fates:
        table = self.folder / "finding_annotations.csv"
        pd.DataFrame(self.rows).to_csv(table, index=False, quoting=csv.QUOTE_MINIMAL)
        return self.fates


def build_vindr(folder: Path, ordinary: int = 2) -> Fates:
    made = VinDr(folder)
    for i in range(ordinary):
        study, split = f"{i:032x}", "test" if i % 3 == 2 else "training"
        categories = "['Suspicious Calcification', 'Mass']" if i % 4 == 0 else None
        for view in ("CC", "MLO"):
            made.finding(
                study,
                f"{i:029x}{view:_>3}",
                view_position=view,
                split=split,
                finding_categories=categories or "['Suspicious Calcification']",
                finding_birads=f"BI-RADS {4 + (i % 3 == 0)}",
                breast_density=f"DENSITY {'ABCD'[i % 4]}",
                positive=bool(i % 2),
            )
    nothing = {"xmin": "", "ymin": "", "xmax": "", "ymax": "", "finding_birads": ""}
    made.finding(
        "a" * 32,
        "b" * 32,
        "no suspicious calcification",
        finding_categories="['No Finding']",
        **nothing,
    )
    made.finding("a" * 32, "c" * 32, "no suspicious calcification", finding_categories="['Mass']")
    made.finding("a" * 32, "d" * 32, "its image is not under the source folder", there=False)
    made.finding("a" * 32, "9" * 32, "its region is not given in numbers", **nothing)
    apart = "several regions lie apart; nothing says which one the label is about"
    made.finding("e" * 32, "e" * 32, apart)
    made.finding("e" * 32, "e" * 32, apart, xmin=5, ymin=5, xmax=9, ymax=9)
    made.finding(
        "f" * 32, "f" * 32, "its finding_categories cannot be read", finding_categories="["
    )
    return made.write()


def build_generic(folder: Path, ordinary: int = 2) -> Fates:
    expected = Fates()
    for i in range(ordinary):
        for view in ("CC", "MLO"):
            path = f"Doe^Jane {i}/{view}.dcm"
            mammogram(
                folder / path,
                seed=2 * i + (view == "MLO"),
                positive=bool(i % 2),
                PatientID=f"MRN-{i}",
                StudyInstanceUID=f"1.9.{i}",
                ViewPosition=view,
            )
            expected[path, ""] = Taken("", path)
    (folder / "notes.txt").write_text("not an image")
    expected["notes.txt", ""] = "not a DICOM file"
    (folder / "copy.dcm").write_bytes((folder / "Doe^Jane 0/CC.dcm").read_bytes())
    expected["copy.dcm", ""] = expected["Doe^Jane 0/CC.dcm", ""]
    # Files are met in alphabetical order, and D comes before c.
    expected["copy.dcm", ""] = "the same image once more (SOPInstanceUID)"
    for name, reason, attributes in (
        ("mri.dcm", "no mammogram (another modality)", {"Modality": "MR"}),
        ("lateral.dcm", "a view other than CC and MLO", {"ViewPosition": "ML"}),
        ("sideless.dcm", "its file says nothing about the side", {"ImageLaterality": None}),
        (
            "tomosynthesis.dcm",
            "tomosynthesis or another object of several frames",
            {"NumberOfFrames": 2},
        ),
        ("report.dcm", "a DICOM object without an image", {"Rows": None}),
    ):
        mammogram(folder / name, seed=900 + len(expected), **attributes)
        expected[name, ""] = reason
    mammogram(folder / "nobody.dcm", seed=950, PatientID="")
    expected["nobody.dcm", ""] = Taken("", "nobody.dcm")
    sound = (folder / "tomosynthesis.dcm").read_bytes()
    (folder / "damaged.dcm").write_bytes(sound.replace(b"IS\2\0002 ", b"IS\2\0?!"))
    expected["damaged.dcm", ""] = "its DICOM header cannot be read"
    return expected


BUILDERS = {"inbreast": build_inbreast, "vindr-mammo": build_vindr, "generic": build_generic}


def complete(target: Path) -> None:
    """Do what is left to the user: labels, and the regions that the collection does not draw."""
    cases = pd.read_csv(target / "cases.csv", dtype=str, keep_default_na=False)
    images = pd.read_csv(target / "images.csv", dtype=str, keep_default_na=False)
    assert set(cases["label"]) == {""}
    cases["label"] = np.where(np.arange(len(cases)) % 2, "IDC", "DCIS")
    undrawn = images["x0"] == ""
    for column, value in zip(("x0", "y0", "x1", "y1"), BOXES["L"], strict=True):
        images.loc[undrawn, column] = str(value)
    cases.to_csv(target / "cases.csv", index=False)
    images.to_csv(target / "images.csv", index=False)


@pytest.mark.parametrize("name", BUILDERS)
def test_every_row_has_its_fate(tmp_path: Path, name: str) -> None:
    expected = BUILDERS[name](tmp_path, ordinary=3)
    assert fates(records(name, tmp_path)) == expected


@pytest.mark.parametrize("name", BUILDERS)
def test_the_study_accepts_it_once_it_is_completed(tmp_path: Path, name: str) -> None:
    BUILDERS[name](tmp_path / "source", ordinary=5)
    outcome = ingest(name, tmp_path / "source", tmp_path / "study")
    config = config_of(tmp_path / "study")
    assert config.labels.surrogate == ""
    complete(tmp_path / "study")
    cohort_of(config)
    assert patches_of(config, tmp_path) == dict.fromkeys(outcome.images, "")


def test_a_draft_is_refused_until_regions_are_drawn(tmp_path: Path) -> None:
    build_generic(tmp_path / "source")
    ingest("generic", tmp_path / "source", tmp_path / "study")
    with pytest.raises(StudyError, match="fill in x0, y0, x1 and y1, or roi_path"):
        cohort_of(config_of(tmp_path / "study"))


def test_a_draft_names_nobody_but_in_its_paths(tmp_path: Path) -> None:
    build_generic(tmp_path / "source", ordinary=12)
    ingest("generic", tmp_path / "source", tmp_path / "study")
    text = (tmp_path / "study" / "cases.csv").read_text()
    text += (tmp_path / "study" / "summary.md").read_text()
    assert "MRN" not in text
    assert "Doe" not in text


def test_grades_of_inbreast_are_upper_case_levels(tmp_path: Path) -> None:
    build_inbreast(tmp_path / "source", ordinary=4)
    ingest("inbreast", tmp_path / "source", tmp_path / "study")
    clinical = config_of(tmp_path / "study").clinical
    assert clinical["birads"].levels == ("4A", "4B", "4C", "5")
    assert clinical["breast_density"].levels == ("A", "B", "C", "D")
