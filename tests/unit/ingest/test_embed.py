"""EMBED in miniature: the join of findings and images, sides, synthetic views, boxes y first."""

from pathlib import Path
from typing import Any

import pandas as pd
from tests.unit.ingest.miniature import BOXES, Fates, Taken, accepted, fates, mammogram, records

NAME = "embed"
CLINICAL, METADATA = "tables/EMBED_OpenData_clinical.csv", "tables/EMBED_OpenData_metadata.csv"
UNUSED = "of no finding that is taken"
NO_IMAGE = "no image of it can be used"


class Builder:
    """Lays out findings and images, and notes what must become of each."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.fates = folder, Fates()
        self.findings: list[dict[str, Any]] = []
        self.images: list[dict[str, Any]] = []

    def finding(self, exam: str, expected: Any, **changes: Any) -> None:
        row = {
            "empi_anon": int(f"9{exam}"),
            "acc_anon": int(exam),
            "study_date_anon": "2015-01-01",
            "tissueden": 2.0,
            "asses": "S",
            "numfind": 1,
            "side": "L",
            "massshape": "",
            "massmargin": "",
            "calcfind": "A",
            "calcdistri": "G",
            "bside": "L",
            "procdate_anon": "2015-02-01",
            "path_severity": 1,
            "age_at_study": 40 + int(exam) % 35,
        }
        self.findings.append(row | changes)
        self.fates[CLINICAL, f"line {len(self.findings) + 1}"] = expected

    def image(self, exam: str, expected: Any = None, **changes: Any) -> Taken:
        """Add an image; with no other fate it is taken as DCIS, or IDC when `positive`."""
        positive = changes.pop("positive", False)
        there = changes.pop("there", True)
        row = {
            "empi_anon": int(f"9{exam}"),
            "acc_anon": int(exam),
            "FinalImageType": "2D",
            "ImageLateralityFinal": "L",
            "ViewPosition": "CC",
            "spot_mag": "",
            "num_roi": 1,
            "match_level": "[1]",
        } | changes
        side = row["ImageLateralityFinal"]
        x0, y0, x1, y1 = map(int, BOXES[side])
        row.setdefault("ROI_coords", f"[[{y0}, {x0}, {y1}, {x1}]]")
        number = len(self.images) + 1
        name = f"cohort_1/9{exam}/{exam}/1.2.{number}.dcm"
        self.images.append(row | {"anon_dicom_path": f"/mnt/NAS2/mammo/anon_dicom/{name}"})
        if there:
            path = self.folder / "images" / name
            mammogram(path, seed=number, side=side, positive=positive)
        taken = Taken("IDC" if positive else "DCIS", f"images/{name}", BOXES[side])
        self.fates[METADATA, f"line {number + 1}"] = taken if expected is None else expected
        return taken

    def write(self) -> Fates:
        (self.folder / "tables").mkdir(parents=True, exist_ok=True)
        pd.DataFrame(self.findings).to_csv(self.folder / CLINICAL, index=False)
        pd.DataFrame(self.images).to_csv(self.folder / METADATA, index=False)
        return self.fates


def build(folder: Path, ordinary: int = 2) -> Fates:
    """Lay out `ordinary` examinations with one finding and two views, and the traps."""
    made = Builder(folder)
    dcis, idc = Taken("DCIS"), Taken("IDC")
    for i in range(ordinary):
        exam, side, positive = f"{1000 + i}", "RL"[i % 3 > 0], bool(i % 2)
        made.finding(
            exam,
            idc if positive else dcis,
            side=side,
            bside=side,
            path_severity=int(not positive),
            calcfind="AFK"[i % 3],
            massshape="O" if i % 4 == 0 else "",
            asses="SM"[i % 5 == 0],
        )
        for view in ("CC", "MLO"):
            made.image(exam, ViewPosition=view, ImageLateralityFinal=side, positive=positive)

    # B, or no side at all, is both breasts; a biopsied side narrows it.
    made.finding("2001", dcis, side="B", bside="")
    made.image("2001")
    made.image("2001", ImageLateralityFinal="R")
    made.finding("2002", idc, side="", bside="", path_severity=0)
    made.image("2002", positive=True)
    made.image("2002", ImageLateralityFinal="R", positive=True)
    made.finding("2003", dcis, side="B", bside="R")
    made.image("2003", UNUSED)
    made.image("2003", ImageLateralityFinal="R")
    made.finding("2004", "the biopsy was of the other breast", side="L", bside="R")
    made.image("2004", UNUSED)

    # The other side of a finding's own examination.
    made.finding("2005", dcis)
    made.image("2005")
    made.image("2005", UNUSED, ImageLateralityFinal="R")

    for exam, severity in (("2006", 2), ("2007", 4), ("2008", 6)):
        made.finding(
            exam, "its pathology is neither invasive nor in situ cancer", path_severity=severity
        )
    made.finding("2009", "no pathology", path_severity="")
    made.image("2009", UNUSED)
    made.finding("2010", "no calcification described", calcfind="", calcdistri="", massshape="O")

    both = "another finding in the same breast, and nothing tells their regions apart"
    made.finding("2011", both, path_severity=0)
    made.finding("2011", both, path_severity=1)
    made.image("2011", both)

    # A benign mass beside it: the region may be either's. A negative row describes nothing.
    made.finding("2014", both)
    neither = "its pathology is neither invasive nor in situ cancer"
    made.finding("2014", neither, path_severity=4, calcfind="", calcdistri="", massshape="O")
    made.image("2014", both)
    made.finding("2015", dcis)
    nothing = {"calcfind": "", "calcdistri": "", "path_severity": "", "side": ""}
    made.finding("2015", "no pathology", numfind=2, **nothing)
    made.image("2015")

    made.finding("2012", NO_IMAGE)
    synthetic = "a synthetic view or a screen shot, no 2D mammogram"
    made.image("2012", synthetic, FinalImageType="cview")
    made.image("2012", "spot compression or magnification view", spot_mag=1)
    made.image("2012", "a view other than CC and MLO", ViewPosition="XCCL")
    made.image("2012", "no region is drawn in it", ROI_coords="[]", num_roi=0)
    apart = "several regions lie apart; nothing says which one the label is about"
    made.image("2012", apart, ROI_coords="[[80, 20, 120, 60], [10, 10, 15, 15]]", num_roi=2)
    made.image("2012", "its image is not under the source folder", there=False)
    made.image("2012", "its ROI_coords cannot be read", ROI_coords="[[80, 20, 120]]")

    # A and K grade no suspicion.
    made.finding("2013", dcis, asses="A", calcfind="", calcdistri="S", tissueden="")
    made.image("2013")
    return made.write()


def test_every_finding_and_image_has_its_fate(tmp_path: Path) -> None:
    expected = build(tmp_path, ordinary=3)
    told = fates(records(NAME, tmp_path))
    assert told == expected


def test_the_study_accepts_what_is_written(tmp_path: Path) -> None:
    config, cohort = accepted(NAME, build, tmp_path, ordinary=5)
    assert config.labels.plain() == {
        "negative": "DCIS",
        "positive": "IDC",
        "excluded": [],
        "surrogate": "",
    }
    assert {case["label"] for case in cohort.cases} == {"DCIS", "IDC"}
    text = (tmp_path / "study" / "config.yaml").read_text().replace("\n# ", " ")
    assert "Neither the data nor any part of them may be redistributed" in text
    assert "no model, weights or embeddings trained on them may be released" in text


def test_codes_become_words(tmp_path: Path) -> None:
    build(tmp_path)
    cases = {r.case.case_id: r.case.clinical for r in records(NAME, tmp_path) if r.case}
    assert cases["2013_L"] == {
        "age": "58",
        "lesion_type": "calcification only",
        "birads": "",
        "breast_density": "",
        "morphology": "",
        "distribution": "segmental",
    }
    assert cases["1001_L"]["morphology"] == "fine linear-branching"
    assert cases["1001_L"]["breast_density"] == "B"
