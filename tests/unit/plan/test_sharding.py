"""The shards of a study: what each is made from, and what stops a study before any job."""

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.unit.configs import study_config

from microcalc.core.errors import StudyError
from microcalc.plan import shard_rows
from microcalc.plan.paths import Paths
from microcalc.plan.sharding import Shards
from microcalc.plan.stored_digest import MEMBER
from microcalc.run.study_run import StudyRun

CASES = "case_id,patient_id,label\nC1,P1,DCIS\nC2,P2,IDC\nC3,P3,IDC\n"
IMAGES = "image_id,case_id,path\nI1,C1,a.dcm\nI2,C2,b.dcm\nI3,C3,c.dcm\n"
CONFIG: dict[str, Any] = {"images": {"shards": 2, "patch_mm": 20.0}}


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
    config = study_config(**CONFIG | changed)
    return Shards(config, Paths(config).shard, lambda: code)


def make(shard: int, digest: str) -> None:
    path = Path(shards().file(shard))
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MEMBER, f'{{"digest": "{digest}"}}')


def test_every_image_is_in_the_shard_of_its_patient(folder: Path) -> None:
    for shard in shards().numbers:
        for row in shards().rows(shard):
            assert shard_rows.shard_of(row["patient_id"], 2) == shard
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


def simulated(image_folder: str) -> dict[str, Any]:
    """Return the changes that make a simulated study of the config."""
    cohort = {"image_folder": image_folder}
    return {"simulate": {"phantoms": "phantoms.csv"}, "cohort": cohort}


def run(**changed: Any) -> StudyRun:
    return StudyRun(shards(**changed), Path("results/mine"))


def test_missing_images_stop_a_study_and_no_simulation(folder: Path) -> None:
    run().refuse_to_start()
    (folder / "files" / "b.dcm").unlink()
    with pytest.raises(StudyError, match="1 images of the study have no file") as raised:
        run().refuse_to_start()
    assert str(raised.value).endswith("  - image I2")
    (folder / "phantoms.csv").write_text(IMAGES)
    run(**simulated("results/mine/simulate/dicom")).refuse_to_start()


def test_a_change_that_snakemake_cannot_know_stops_a_plan_unless_it_is_forced(folder: Path) -> None:
    make(0, shards().digest(0))
    make(1, shards().digest(1))
    run().refuse_to_plan(is_forced=False, freezes_split=False)
    make(1, "of other images")
    with pytest.raises(StudyError, match=r"shard-1\.npz: made from other images"):
        run().refuse_to_plan(is_forced=False, freezes_split=False)
    run().refuse_to_plan(is_forced=True, freezes_split=False)


@pytest.mark.parametrize("is_forced", [False, True])
def test_a_table_that_is_not_there_stops_every_plan(folder: Path, is_forced: bool) -> None:
    (folder / "images.csv").unlink()
    with pytest.raises(StudyError, match=r"images\.csv: there is no such table"):
        run().refuse_to_plan(is_forced=is_forced, freezes_split=False)


def test_a_table_of_phantoms_that_is_none_stops_every_plan(folder: Path) -> None:
    (folder / "phantoms.csv").write_bytes(b"")
    study = run(simulate={"phantoms": "phantoms.csv"})
    with pytest.raises(StudyError, match=r"phantoms\.csv: the table is empty"):
        study.refuse_to_plan(is_forced=True, freezes_split=False)


def test_a_forgotten_simulate_section_stops_every_plan(folder: Path) -> None:
    (folder / "phantoms.csv").write_text(IMAGES)
    with pytest.raises(StudyError, match="image_folder is files, and phantoms") as raised:
        run(**simulated("files")).refuse_to_plan(is_forced=True, freezes_split=False)
    assert "under results/mine/simulate alone" in str(raised.value)
    assert "set cohort.image_folder to results/mine/simulate/dicom" in str(raised.value)


def test_a_file_that_was_there_before_stops_a_first_simulation_alone(folder: Path) -> None:
    (folder / "phantoms.csv").write_text(IMAGES)
    own = folder / "results" / "mine" / "simulate" / "dicom" / "b.dcm"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"a mammogram of the user's")
    study = run(**simulated("results/mine/simulate/dicom"))
    study.refuse_to_plan(is_forced=True, freezes_split=False)
    with pytest.raises(StudyError, match="at the place of 1 phantoms") as raised:
        study.refuse_to_start()
    assert str(raised.value).endswith("  - image I2")
    for shard in shards().numbers:
        (own.parent.parent / f"shard-{shard}.json").write_text("{}")
    study.refuse_to_start()


def test_a_split_file_is_there_before_any_plan_but_that_which_writes_it(folder: Path) -> None:
    cohort = {"split_file": "split.csv"}
    with pytest.raises(StudyError, match=r"no file split\.csv; write it with make freeze-split"):
        run(cohort=cohort).refuse_to_plan(is_forced=True, freezes_split=False)
    run(cohort=cohort).refuse_to_plan(is_forced=True, freezes_split=True)
    (folder / "split.csv").write_text("patient_id,split\nP1,train\n")
    run(cohort=cohort).refuse_to_plan(is_forced=True, freezes_split=False)


def of_this_run(path: Path) -> bool:
    return True


def of_another(path: Path) -> bool:
    return False


def test_the_summary_is_told_of_this_run_and_of_an_older_one_its_age(folder: Path) -> None:
    assert run().summary(of_this_run) == ""
    report = folder / "results" / "mine" / "report"
    report.mkdir(parents=True)
    (report / "summary.md").write_text("All is well.\n")
    (report / "report.html").touch()
    os.utime(report / "report.html", (0, 1_760_000_000))
    assert run().summary(of_this_run) == (
        "All is well.\n\nThe whole report: results/mine/report/report.html"
    )
    assert run().summary(of_another) == (
        "results/mine/report/report.html is older than this run, which did not make it again: it "
        "was written on 9 October 2025 at 08:53 UTC"
    )


def test_excluded_images_and_small_sets_are_told_of_this_run_alone(folder: Path) -> None:
    images = folder / "results" / "mine" / "images"
    images.mkdir(parents=True)
    (images / "qc.csv").write_text(
        "image_id,case_id,status,reason,flags\nI1,C1,ok,,\nI2,C2,excluded,cut short,\n"
    )
    rows = [f"C{i},train,{i % 2},included" for i in range(30)]
    rows += [f"D{i},internal,{int(i > 3)},included" for i in range(20)]
    rows += ["D99,internal,0,excluded"]
    (images / "included.csv").write_text("\n".join(["case_id,split,y,status", *rows]))
    assert run().warnings(of_another) == []
    assert run().warnings(lambda path: path.name == "included.csv") == [
        "WARNING: internal validation has 4 DCIS and 16 IDC: fewer than 10 of a class, every "
        "interval there is wide",
        "  A place is drawn without a look at labels; cohort.split_file can divide the classes "
        "evenly, before any result is known (docs/splits.md)",
    ]
    told = run().warnings(lambda path: path.name == "qc.csv")
    assert told[0] == "1 of 2 images were excluded (images/qc.csv):"
    assert "image I2" in told[1]


def test_cases_without_labels_make_no_small_sets(folder: Path) -> None:
    images = folder / "results" / "mine" / "images"
    images.mkdir(parents=True)
    (images / "included.csv").write_text("case_id,split,status\nC1,external,included\n")
    assert run().warnings(lambda path: path.name == "included.csv") == []
