"""The shards of a study: what each is made from, and what stops a study before any job."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from microcalc import planning
from microcalc.errors import StudyError
from microcalc.images.stored_digest import MEMBER
from microcalc.paths import Paths
from microcalc.sharding import Shards
from microcalc.study_run import StudyRun

CASES = "case_id,patient_id,label\nC1,P1,DCIS\nC2,P2,IDC\nC3,P3,IDC\n"
IMAGES = "image_id,case_id,path\nI1,C1,a.dcm\nI2,C2,b.dcm\nI3,C3,c.dcm\n"
CONFIG: dict[str, Any] = {
    "study": "mine",
    "cohort": {"cases": "cases.csv", "images": "images.csv", "image_folder": "files"},
    "images": {"shards": 2, "patch_mm": 20.0},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cases.csv").write_text(CASES)
    (tmp_path / "images.csv").write_text(IMAGES)
    (tmp_path / "files").mkdir()
    for name in "abc":
        (tmp_path / "files" / f"{name}.dcm").write_bytes(b"pixels")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shards(code: str = "code", **changed: Any) -> Shards:
    config = CONFIG | changed
    return Shards(config, Paths(config).shard, lambda: code)


def make(shard: int, digest: str) -> None:
    path = Path(shards().file(shard))
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MEMBER, f'{{"digest": "{digest}"}}')


def test_every_image_is_in_the_shard_of_its_patient(folder: Path) -> None:
    for shard in shards().numbers:
        for row in shards().rows(shard):
            assert planning.shard_of(row["patient_id"], 2) == shard
    found = [row["image_id"] for shard in shards().numbers for row in shards().rows(shard)]
    assert sorted(found) == ["I1", "I2", "I3"]


def test_a_shard_is_made_from_rows_files_settings_and_code(folder: Path) -> None:
    before = shards().digest(0)
    assert before == shards().digest(0)
    assert before != shards().digest(1)
    assert before != shards(code="other").digest(0)
    assert before != shards(images={"shards": 2, "patch_mm": 21.0}).digest(0)
    (folder / "files" / shards().rows(0)[0]["path"]).write_bytes(b"more pixels")
    assert before != shards().digest(0)


def test_a_shard_is_current_while_it_is_made_from_todays_images(folder: Path) -> None:
    assert not shards().is_current(0)
    make(0, shards().digest(0))
    assert shards().is_current(0)
    assert not shards(code="other").is_current(0)


def test_phantoms_depend_on_their_own_table_alone(folder: Path) -> None:
    (folder / "phantoms.csv").write_text(IMAGES)
    simulated = shards(simulate={"phantoms": "phantoms.csv"})
    before = [simulated.phantoms_digest(shard) for shard in simulated.numbers]
    (folder / "images.csv").write_text(IMAGES.replace("a.dcm", "c.dcm"))
    assert [simulated.phantoms_digest(shard) for shard in simulated.numbers] == before
    (folder / "phantoms.csv").write_text(IMAGES.replace("a.dcm", "d.dcm"))
    after = [simulated.phantoms_digest(shard) for shard in simulated.numbers]
    assert [a != b for a, b in zip(after, before, strict=True)].count(True) == 1


def run(**changed: Any) -> StudyRun:
    return StudyRun(shards(**changed), Path("results/mine"))


def test_missing_images_stop_a_study_and_no_simulation(folder: Path) -> None:
    run().refuse_to_start()
    (folder / "files" / "b.dcm").unlink()
    with pytest.raises(StudyError, match="1 images of the study have no file") as raised:
        run().refuse_to_start()
    assert str(raised.value).endswith("  - image I2")
    run(simulate={"phantoms": "phantoms.csv"}).refuse_to_start()


def test_a_change_that_snakemake_cannot_know_stops_a_plan_unless_it_is_forced(folder: Path) -> None:
    make(0, shards().digest(0))
    make(1, shards().digest(1))
    run().refuse_to_plan(is_forced=False)
    make(1, "of other images")
    with pytest.raises(StudyError, match=r"shard-1\.npz: made from other images"):
        run().refuse_to_plan(is_forced=False)
    run().refuse_to_plan(is_forced=True)


@pytest.mark.parametrize("is_forced", [False, True])
def test_a_table_that_is_not_there_stops_every_plan(folder: Path, is_forced: bool) -> None:
    (folder / "images.csv").unlink()
    with pytest.raises(StudyError, match=r"images\.csv: there is no such table"):
        run().refuse_to_plan(is_forced=is_forced)


def test_a_table_of_phantoms_that_is_none_stops_every_plan(folder: Path) -> None:
    (folder / "phantoms.csv").write_bytes(b"")
    with pytest.raises(StudyError, match=r"phantoms\.csv: the table is empty"):
        run(simulate={"phantoms": "phantoms.csv"}).refuse_to_plan(is_forced=True)


def test_the_summary_names_the_report_once_there_is_one(folder: Path) -> None:
    assert (run().summary(), run().warnings()) == ("", [])
    report = folder / "results" / "mine" / "report"
    report.mkdir(parents=True)
    (report / "summary.md").write_text("All is well.\n")
    assert run().summary() == ("All is well.\n\nThe whole report: results/mine/report/report.html")
