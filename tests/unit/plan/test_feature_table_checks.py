"""Tables of features against the study that names them."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.configs import study_config

from microcalc.core.errors import StudyError
from microcalc.plan import feature_table_checks
from microcalc.plan.feature_table import Cases

CASES = Cases({"C1": "DCIS", "C2": "IDC", "C3": "IDC"}, {}, known={"case": ("C1", "C2", "C3")})


def write(path: Path, header: str) -> str:
    """Write a table of these columns, none of which tells a class."""
    n = header.count(",") + 1
    lines = [f"case_id,{header}", *(f"C{i}," + ",".join([str(i)] * n) for i in (1, 2, 3))]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def refused(cases: Cases = CASES, **sections: Any) -> list[str]:
    with pytest.raises(StudyError) as raised:
        feature_table_checks.refuse_unusable(study_config(**sections), cases)
    heading, *lines = str(raised.value).split("\n  - ")
    assert "No missing value is filled in" in heading
    return lines


@pytest.mark.parametrize(
    ("name", "header", "other"),
    [
        ("mri", "volume", "the clinical variable mri_volume"),
        ("patient", "id", "a column of MicroCalc's"),
        ("n", "views", "a column of MicroCalc's"),
        ("mri", "score", "the column of the score mri"),
        ("a", "b_x", "a column of features.a_b"),
        ("deep_a", "0000", None),
        ("own", "0000", None),
        ("mri", "Volume", None),
    ],
)
def test_a_column_that_would_be_called_like_another_is_refused(
    tmp_path: Path, name: str, header: str, other: str | None
) -> None:
    mine = {"kind": "table", "path": write(tmp_path / "one.csv", header)}
    theirs = {"kind": "table", "path": write(tmp_path / "two.csv", "x")}
    sections: dict[str, Any] = {
        "features": {"a_b": theirs} | {name: mine},
        "clinical": {"mri_volume": {"kind": "continuous"}},
        "scores": {"mri": {"features": [name]}},
    }
    if other is None:
        feature_table_checks.refuse_unusable(study_config(**sections), CASES)
    else:
        first = name if other != "a column of features.a_b" else "a"
        (line,) = refused(**sections)
        assert line.startswith(f"features.{first}: column ")
        assert line.endswith(f"as is {other}; rename it, or the set")


def test_a_number_of_a_network_s_column_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "one.csv", "x_0003")
    sections = {"a": {"kind": "table", "path": path}, "a_x": {"kind": "network", "weights": "w"}}
    (line,) = refused(features=sections)
    assert line == (
        "features.a: column 'x_0003' would be called a_x_0003, as is a column of features.a_x; "
        "rename it, or the set"
    )


def test_every_problem_of_every_table_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("case_id,x\nC1,1\nC3,\n")
    row = {"kind": "table", "path": str(path)}
    lines = refused(features={"mri": row, "us": {**row, "columns": ["y"]}})
    assert lines == [
        "features.mri: case C2 has no row",
        "features.mri: line 3: case C3 has no value of 'x'",
        f"features.us: {path}: its columns are not what is meant",
        "no column is called 'y'; there are 'case_id', 'x'",
        "no column is left as a feature; there are 'case_id', 'x'",
    ]


def test_what_is_taken_of_a_table_is_told(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("case_id,x,who,z\nC1,1,p,1\nC2,2,q,3\nC3,2,q,4\nZ1,1,z,\nZ2,1,z,\n")
    row = {"kind": "table", "path": str(path)}
    assert feature_table_checks.told(study_config(features={"mri": row}), CASES) == [
        f"  features.mri: 2 columns of {path}; left out: who; 2 rows are of no case here"
    ]


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = ["C1,DCIS,50", "C2,IDC,60", "C3,LCIS,60", "C4,,40", "C5,IDC,50"]
    Path("cases.csv").write_text("\n".join(["case_id,label,age", *rows, ""]))
    return tmp_path


IMAGES = [{"image_id": f"I{i}", "case_id": f"C{i}", "view": "CC"} for i in (1, 2, 3, 4)]
IMAGES += [{"image_id": "I1b", "case_id": "C1", "view": "MLO"}]


def test_who_is_expected_is_who_has_a_label_of_the_study_and_an_image(study: Path) -> None:
    config = study_config(labels={"excluded": ["LCIS"]})
    found = feature_table_checks.expected(config, IMAGES, study)
    assert found.labels == {"C1": "DCIS", "C2": "IDC"}
    assert found.case_of == {"I1": "C1", "I1b": "C1", "I2": "C2"}
    assert found.usable == set()
    assert {"age", "view"} <= {*found.shared}
    assert {*found.known["case"]} == {"C1", "C2", "C3", "C4", "C5"}
    applied = feature_table_checks.expected(config, IMAGES, study, is_applied=True)
    assert applied.labels == dict.fromkeys(["C1", "C2", "C3", "C4"], "")


def test_who_left_an_earlier_run_is_not_expected(study: Path) -> None:
    results = study / "results"
    (results / "images").mkdir(parents=True)
    (results / "images" / "included.csv").write_text("case_id,status\nC1,included\nC2,excluded\n")
    (results / "images" / "qc.csv").write_text(
        "image_id,case_id,status\nI1,C1,ok\nI1b,C1,excluded\nI2,C2,excluded\n"
    )
    found = feature_table_checks.expected(study_config(), IMAGES, results)
    assert found.labels.keys() == {"C1", "C3"}
    assert found.case_of == {"I1": "C1", "I3": "C3"}
    assert found.usable == {"I1"}
