"""What a run was planned from, and jobs that find something else."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.configs import study_config
from tests.unit.listed_set import Listed, study_of

from microcalc.config.study_config import StudyConfig
from microcalc.core.errors import StudyError
from microcalc.plan import plan_record


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "cases.csv").write_text("case_id\nC1\n")
    (tmp_path / "images.csv").write_text("image_id\nI1\n")
    return {name: str(tmp_path / f"{name}.csv") for name in ("cases", "images")}


def study(tables: dict[str, str], **sections: Any) -> StudyConfig:
    return study_config(cohort=tables | sections.pop("cohort", {}), **sections)


def test_a_job_of_its_plan_goes_on(tables: dict[str, str], tmp_path: Path) -> None:
    plan_record.refuse_changed(study(tables), tmp_path)  # nothing was noted
    plan_record.write(study(tables), tmp_path)
    plan_record.refuse_changed(study(tables), tmp_path)


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("images", {"patch_mm": 30.0}),
        ("selection", {"folds": 7}),
        ("labels", {"excluded": ["LCIS"]}),
        ("cohort", {"train_fraction": 0.5}),
        ("simulate", {"phantoms": "phantoms.csv"}),
    ],
)
def test_a_job_that_finds_another_config_is_not_started(
    tables: dict[str, str], tmp_path: Path, section: str, change: dict[str, Any]
) -> None:
    plan_record.write(study(tables), tmp_path)
    with pytest.raises(StudyError, match=rf"^{section}: changed after this job was planned"):
        plan_record.refuse_changed(study(tables, **{section: change}), tmp_path)


def test_a_job_that_finds_other_tables_is_not_started(
    tables: dict[str, str], tmp_path: Path
) -> None:
    plan_record.write(study(tables), tmp_path)
    Path(tables["cases"]).write_text("case_id\nC2\n")
    Path(tables["images"]).unlink()
    with pytest.raises(StudyError, match=r"^the case table, the images table: changed after"):
        plan_record.refuse_changed(study(tables), tmp_path)


@pytest.mark.filterwarnings("ignore:Pydantic serializer")  # no kind of a study's own
def test_a_job_that_finds_another_table_of_columns_is_not_started(tmp_path: Path) -> None:
    table = tmp_path / "mri.csv"
    table.write_text("case_id,volume\nC1,1\n")
    config = study_of(Listed(path=str(table)))
    plan_record.write(config, tmp_path)
    plan_record.refuse_changed(config, tmp_path)
    table.write_text("case_id,volume\nC1,2\n")
    with pytest.raises(StudyError, match=r"^the table of mri: changed after this job"):
        plan_record.refuse_changed(config, tmp_path)


def test_what_is_noted_holds_no_path_and_no_name(tables: dict[str, str], tmp_path: Path) -> None:
    plan_record.write(study(tables), tmp_path)
    noted = json.loads(plan_record.file_of("mine", tmp_path).read_text())
    assert all(len(digest) == 64 for digest in noted.values())
    assert str(tmp_path) not in json.dumps(noted)


@pytest.mark.parametrize("left", ["", "{", "[1"])
def test_half_a_record_is_none(tables: dict[str, str], tmp_path: Path, left: str) -> None:
    plan_record.file_of("mine", tmp_path).write_text(left)
    plan_record.refuse_changed(study(tables), tmp_path)
