"""CBIS-DDSM in miniature: the tables' columns and traps, file names of today's download."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.images.making import dicom
from tests.unit.ingest.miniature import (
    BOXES,
    SHAPE,
    Fates,
    Taken,
    accepted,
    cohort_of,
    config_of,
    fates,
    ingest,
    mammogram,
    patches_of,
    records,
)

from microcalc.core.errors import StudyError
from microcalc.images import regions

NAME = "cbis-ddsm"
COLUMNS = [
    "patient_id",
    "breast density",
    "left or right breast",
    "image view",
    "abnormality id",
    "abnormality type",
    "calc type",
    "calc distribution",
    "assessment",
    "pathology",
    "subtlety",
    "image file path",
    "cropped image file path",
    "ROI mask file path",
]
TRAIN, TEST = "calc_case_description_train_set.csv", "calc_case_description_test_set.csv"
MASSES = "mass_case_description_train_set.csv"


class Builder:
    """Lays out tables and files row by row, and notes what must become of each row."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.fates = folder, Fates()
        self.tables: dict[str, list[dict[str, Any]]] = {TRAIN: [], TEST: [], MASSES: []}
        self.seed = 0

    def row(self, table: str, patient: str, expected: str = "", **changes: Any) -> None:
        """Add a row; by default an amorphous cluster that is taken as benign."""
        kind = "Mass" if table == MASSES else "Calc"
        said = {"side": "LEFT", "view": "CC", "number": "1", "pathology": "BENIGN"} | changes
        stem = f"{kind}-{'Test' if table == TEST else 'Training'}_{patient}"
        scan = f"{stem}_{said['side']}_{said['view']}"
        roi = f"{scan}_{said['number']}"
        row = {
            "patient_id": patient,
            "breast density": "3",
            "left or right breast": said["side"],
            "image view": said["view"],
            "abnormality id": said["number"],
            "abnormality type": "mass" if table == MASSES else "calcification",
            "calc type": "AMORPHOUS",
            "calc distribution": "CLUSTERED",
            "assessment": "4",
            "pathology": said["pathology"],
            "subtlety": "3",
            "image file path": f"{scan}/1.3.6.1/1.3.6.2/000000.dcm",
            "cropped image file path": f"{roi}/1.3.6.3/1.3.6.4/000001.dcm\n",
            "ROI mask file path": f"{roi}/1.3.6.3/1.3.6.4/000000.dcm\n",
        }
        row |= {name: value for name, value in said.items() if name in row}
        self.tables[table].append(row)
        path = f"CBIS-DDSM/{scan}/08-07-2016-DDSM-NA-1/1.000000-full mammogram images-1/1-1.dcm"
        positive = said["pathology"] == "MALIGNANT"
        if said.get("scan", True) and not (self.folder / path).exists():
            self._scan(path, said, positive)
        mask = self._masks(f"CBIS-DDSM/{roi}/08-07-2016-DDSM-NA-2", said)
        lines = 1 + 3 * len(self.tables[table])
        self.fates[table, f"line {lines}"] = expected or Taken(
            "malignant" if positive else "benign", path, roi_path=mask
        )

    def _scan(self, path: str, said: dict[str, Any], positive: bool) -> None:
        self.seed += 1
        mammogram(
            self.folder / path,
            seed=self.seed,
            side=said["side"][0],
            positive=positive,
            ImagerPixelSpacing=None,
            ViewPosition=said["view"],
        )

    def _masks(self, folder: str, said: dict[str, Any]) -> str:
        """Write a mask and a crop, in either order or in folders of their own; return the mask."""
        mask = np.zeros(said.get("mask_shape", SHAPE), np.uint8)
        x0, y0, x1, y1 = map(int, BOXES[said["side"][0]])
        mask[y0:y1, x0:x1] = 255
        crop = np.arange(40 * 40, dtype=np.uint16).reshape(40, 40)
        files = said.get("files", "crop first")
        names = {
            "crop first": {"1-1.dcm": crop, "1-2.dcm": mask},
            "mask first": {"1-1.dcm": mask, "1-2.dcm": crop},
            "own folders": {
                "1.000000-cropped images-3/1-1.dcm": crop,
                "1.000000-ROI mask images-4/1-1.dcm": mask,
            },
            "crops alone": {"1-1.dcm": crop, "1-2.dcm": crop + 1},
            "none": {},
        }[files]
        found = ""
        for name, pixels in names.items():
            path = self.folder / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(dicom(pixels, ImagerPixelSpacing=None))
            found = f"{folder}/{name}" if pixels is mask else found
        return found

    def write(self) -> Fates:
        for name, rows in self.tables.items():
            columns = list(COLUMNS)
            if name == MASSES:
                columns = ["breast_density" if c == "breast density" else c for c in COLUMNS]
                columns = [c.replace("calc type", "mass shape") for c in columns]
                columns = [c.replace("calc distribution", "mass margins") for c in columns]
            if rows:
                with open(self.folder / name, "w", encoding="utf-8", newline="") as file:
                    writer = csv.writer(file, lineterminator="\n")
                    writer.writerow(columns)
                    writer.writerows([row[name] for name in COLUMNS] for row in rows)
        return self.fates


def build(folder: Path, ordinary: int = 2) -> Fates:
    """Lay out `ordinary` cases of two views each, in train and test by turns, and the traps."""
    made = Builder(folder)
    for i in range(ordinary):
        table = TEST if i % 3 == 2 else TRAIN
        for view in ("CC", "MLO"):
            made.row(
                table,
                f"P_{1000 + i:05d}",
                view=view,
                side="RIGHT" if i % 4 == 1 else "LEFT",
                pathology=("BENIGN", "MALIGNANT", "BENIGN_WITHOUT_CALLBACK", "MALIGNANT")[i % 4],
                assessment=str(3 + i % 3),
                files=("crop first", "mask first", "own folders")[i % 3],
            )
    made.row(TRAIN, "P_00001", **{"calc type": "", "calc distribution": "", "assessment": "0"})
    # Two lesions in one scan are two cases with an image each.
    made.row(TRAIN, "P_00002", number="1")
    made.row(TRAIN, "P_00002", number="2", pathology="MALIGNANT")
    made.row(
        TRAIN, "P_00002", "the same view of its lesion once more", number="2", pathology="MALIGNANT"
    )
    disagree = "its views have different pathology"
    made.row(TRAIN, "P_00003", disagree, pathology="BENIGN")
    made.row(TRAIN, "P_00003", disagree, view="MLO", pathology="MALIGNANT")
    missing = "its image is not under the source folder"
    made.row(TRAIN, "P_00004", missing, scan=False)
    made.row(TRAIN, "P_00005", "none of its ROI files is a mask", files="crops alone")
    made.row(TRAIN, "P_00006", "none of its ROI files is a mask", files="none")
    another = "its mask is of another size than its image"
    made.row(TRAIN, "P_00007", another, mask_shape=(SHAPE[0] + 4, SHAPE[1]))
    made.row(TRAIN, "P_00008", **{"calc type": "PUNCTATE-PLEOMORPHIC", "assessment": "2"})
    made.row(
        TRAIN,
        "P_00008",
        view="MLO",
        **{"calc distribution": "CLUSTERED-SEGMENTAL", "assessment": "5"},
    )
    made.row(TEST, "P_00009", "no pathology", pathology="")
    made.row(TEST, "P_00002", "its patient is in the training set too", side="RIGHT")
    made.row(MASSES, "P_00010", "a mass, no calcification", scan=False, files="none")
    return made.write()


def test_every_row_has_its_fate(tmp_path: Path) -> None:
    expected = build(tmp_path, ordinary=3)
    assert fates(records(NAME, tmp_path)) == expected


def test_the_study_accepts_what_is_written(tmp_path: Path) -> None:
    config, cohort = accepted(NAME, build, tmp_path, ordinary=3, spacing_mm="0.1")
    assert config.labels.negative == "benign"
    assert "stands in for the question" in config.labels.surrogate
    assert {case["split"] for case in cohort.cases} == {"train", "internal"}


def test_a_scan_without_a_spacing_is_told_and_left_to_the_user(tmp_path: Path) -> None:
    build(tmp_path / "source")
    outcome = ingest(NAME, tmp_path / "source", tmp_path / "study")
    text = (tmp_path / "study" / "summary.md").read_text()
    assert f"{len(outcome.images)} images carry no pixel spacing" in text
    reasons = patches_of(config_of(tmp_path / "study"), tmp_path)
    assert all("a spacing is never assumed" in reason for reason in reasons.values())


def test_the_mask_that_is_named_holds_the_region(tmp_path: Path) -> None:
    build(tmp_path, ordinary=3)
    taken = [record for record in records(NAME, tmp_path) if record.image]
    for record in taken:
        assert record.image
        data = (tmp_path / record.image.roi_path).read_bytes()
        roi = regions.from_file(data, image_id="x", shape=SHAPE)
        assert (roi.x0, roi.y0, roi.x1, roi.y1) == BOXES[record.image.laterality]


def test_views_that_are_described_differently_give_the_most_suspicious_word(tmp_path: Path) -> None:
    build(tmp_path)
    cases = {r.case.case_id: r.case.clinical for r in records(NAME, tmp_path) if r.case}
    assert cases["P_00008_LEFT_1"] == {
        "birads": "5",
        "breast_density": "C",
        "morphology": "pleomorphic",
        "distribution": "segmental",
    }
    assert cases["P_00001_LEFT_1"] == {
        "birads": "",
        "breast_density": "C",
        "morphology": "",
        "distribution": "",
    }


def test_the_training_table_alone_leaves_the_split_to_the_study(tmp_path: Path) -> None:
    build(tmp_path / "source")
    (tmp_path / "source" / TEST).unlink()
    ingest(NAME, tmp_path / "source", tmp_path / "study")
    config = config_of(tmp_path / "study")
    assert config.cohort.development_centers == ("CBIS-DDSM",)
    assert not any("split" in case for case in cohort_of(config).cases)


def test_a_folder_without_the_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"no table of CBIS-DDSM"):
        records(NAME, tmp_path)
