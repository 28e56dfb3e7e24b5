from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from microcalc.apply import intake
from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.config.cohort_settings import Labels
from microcalc.core.errors import StudyError

SCHEMAS = Path(__file__).parents[3] / "workflow" / "schemas"
CLINICAL: dict[str, Any] = {
    "age": {"kind": "continuous", "minimum": 18, "maximum": 110},
    "birads": {"kind": "categorical", "levels": ["4A", "5"]},
    "palpable": {"kind": "categorical", "levels": ["no", "yes"]},
}
LABELS = {"negative": "benign", "positive": "malignant", "excluded": ["other"]}
CASES = (
    "case_id,patient_id,center,label,age,birads,ward\n"
    "C2,P2,Z,malignant,61.5,6,east\nC1,P1,Z,,,4A,west\nC3,P3,Z,other,40,5,west\n"
)
IMAGES = "image_id,case_id,path,x0,y0,x1,y1\nI1,C1,a.dcm,1,2,30,40\nI2,C2,b.dcm,1,2,30,40\n"


def take(folder: Path, cases: str = CASES) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    (folder / "cases.csv").write_text(cases)
    (folder / "images.csv").write_text(IMAGES)
    return intake.take(
        folder / "cases.csv",
        folder / "images.csv",
        schemas=(str(SCHEMAS / "cases.yaml"), str(SCHEMAS / "images.yaml")),
        needed=["birads"],
        clinical=ClinicalVariable.each_of(CLINICAL),
        labels=Labels.of(LABELS),
    )


def test_cases_are_taken_with_or_without_a_label_and_never_with_it(tmp_path: Path) -> None:
    eligible, images, exclusions = take(tmp_path)
    assert list(eligible) == ["case_id", "patient_id", "center", "split", "age", "birads"]
    assert eligible["case_id"].tolist() == ["C1", "C2"]
    assert set(eligible["split"]) == {"external"}
    assert eligible["birads"].tolist() == ["4A", "6"]
    assert len(images) == 2
    assert exclusions[["case_id", "reason"]].to_numpy().tolist() == [
        ["C3", "no image in the images table"]
    ]


def test_labels_change_nothing_that_is_taken(tmp_path: Path) -> None:
    before = take(tmp_path)
    bare = pd.read_csv(tmp_path / "cases.csv", dtype=str).drop(columns="label").to_csv(index=False)
    for cases in (CASES.replace("malignant", "benign"), bare):
        for one, other in zip(before, take(tmp_path, cases), strict=True):
            pd.testing.assert_frame_equal(one, other)


def test_a_column_that_a_model_uses_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no column 'birads', which a model uses"):
        take(tmp_path, CASES.replace("birads", "category"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("malignant", "maglinant", "'maglinant' is not one of benign, malignant, other"),
        ("61.5", "615", "'615' is too large"),
    ],
)
def test_a_typing_error_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        take(tmp_path, CASES.replace(old, new))


def test_labels_are_those_of_the_two_classes(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text(CASES)
    found = intake.read_labels(tmp_path / "cases.csv", Labels.of(LABELS))
    assert found.to_dict("records") == [{"case_id": "C2", "label": "malignant", "y": 1}]
    (tmp_path / "cases.csv").write_text("case_id\nC1\n")
    assert intake.read_labels(tmp_path / "cases.csv", Labels.of(LABELS)).empty
