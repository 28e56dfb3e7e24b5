from pathlib import Path
from typing import Any

import pytest

from microcalc.cohort.study_tables import Cohort, read_cohort
from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.config.cohort_settings import Labels
from microcalc.core.errors import StudyError

SCHEMAS = Path(__file__).parents[3] / "workflow" / "schemas"
CLINICAL: dict[str, Any] = {
    "age": {"kind": "continuous", "minimum": 18, "maximum": 110},
    "birads": {"kind": "categorical", "levels": ["4A", "5"]},
}
LABELS = {"negative": "DCIS", "positive": "IDC", "excluded": ["LCIS"]}
CASES = "case_id,patient_id,center,label,age,birads\nC2,P2,A,IDC,61.5,5\nC1,P1,A,DCIS,,4A\n"
IMAGES = (
    "image_id,case_id,path,view,x0,y0,x1,y1\n"
    "I1,C1,sub/a.dcm,CC,1,2,30,40\nI2,C2,b.dcm,,1.5,2,30,40\n"
)


def read(folder: Path, cases: str = CASES, images: str = IMAGES) -> Cohort:
    (folder / "cases.csv").write_text(cases)
    (folder / "images.csv").write_text(images)
    return read_cohort(
        folder / "cases.csv",
        folder / "images.csv",
        schemas=(str(SCHEMAS / "cases.yaml"), str(SCHEMAS / "images.yaml")),
        clinical=ClinicalVariable.each_of(CLINICAL),
        labels=Labels.of(LABELS),
    )


def test_rows_are_typed_sorted_and_without_paths(tmp_path: Path) -> None:
    cohort = read(tmp_path)
    assert [case["case_id"] for case in cohort.cases] == ["C1", "C2"]
    assert cohort.cases[0]["age"] is None
    assert cohort.cases[1]["age"] == 61.5
    assert cohort.images[1] == {
        "image_id": "I2",
        "case_id": "C2",
        "view": None,
        "x0": 1.5,
        "y0": 2.0,
        "x1": 30.0,
        "y1": 40.0,
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("61.5", "61,5x", r"cells"),
        ("61.5", '"61,5"', r"line 2, column 'age': '61,5' is not a number \(write a decimal point"),
        ("61.5", "6", "'6' is too small; expected at least 18"),
        ("61.5", "nan", "'nan' is not a number"),
        (",IDC,", ",ICD,", r"'ICD' is not one of DCIS, IDC, LCIS \(did you mean 'IDC'\?\)"),
        (",5\n", ",5a\n", "column 'birads': '5a' is not one of 4A, 5"),
        ("C2,P2", "C1,P2", "line 3, column 'case_id': 'C1' stands on line 2 already"),
        ("C2,P2", "c1,P2", "'C1' differs from 'c1' only in case"),
        ("C2,P2", ",P2", "column 'case_id': is empty; a value is required"),
        ("C2,P2", "../C2,P2", "'../C2' is not allowed here: a pseudonym"),
        ("C2,P2,A", "C2,P1,B", "patient 'P1' is in 'A' here and in 'B' on line 2"),
        ("age,", "agee,", "column 'agee' is not known"),
        ("birads", "BIRADS", r"did you mean 'birads'"),
    ],
)
def test_each_broken_case_table_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        read(tmp_path, cases=CASES.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sub/a.dcm", "../a.dcm", "column 'path'.*does not leave it"),
        ("sub/a.dcm", "/a.dcm", "column 'path'.*does not leave it"),
        ("I2,C2", "I2,C7", "'C7' is not in .*cases.csv"),
        ("CC", "XCCP", r"'XCCP' is no view that is known \(did you mean 'XCC'\?\)"),
        ("1.5", "-1.5", "'-1.5' is too small"),
        ("I2,C2", "I1,C2", "line 3, column 'image_id': 'I1' stands on line 2 already"),
    ],
)
def test_each_broken_images_table_is_named(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        read(tmp_path, images=IMAGES.replace(old, new))


def test_a_path_is_never_quoted(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"line 2, column 'path'") as caught:
        read(tmp_path, images=IMAGES.replace("sub/a.dcm", "../Mustermann.dcm"))
    assert "Mustermann" not in str(caught.value)


def test_all_problems_of_both_tables_are_listed_at_once(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        read(
            tmp_path, CASES.replace("61.5", "x").replace(",5\n", ",6\n"), IMAGES.replace("CC", "C")
        )
    assert str(caught.value).count("\n  - ") == 3
