import os
import shutil
from pathlib import Path

import pytest

from microcalc import planning
from microcalc.core.errors import StudyError

CASES = "case_id,patient_id,center,label\nC1,P1,A,DCIS\nC2,P2,A,IDC\nC3,P3,B,IDC\n"
IMAGES = (
    "image_id,case_id,path,x0,y0,x1,y1\n"
    "I3,C3,c.dcm,0,0,5,5\nI1,C1,a.dcm,0,0,5,5\nI2,C2,b.dcm,0,0,5,5\nI9,C9,z.dcm,0,0,5,5\n"
)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "cases.csv").write_text(CASES)
    (tmp_path / "images.csv").write_text(IMAGES)
    for name in "abc":
        (tmp_path / f"{name}.dcm").write_bytes(b"pixels")
    return tmp_path


def rows(study: Path, n_shards: int) -> list[list[planning.Row]]:
    tables = str(study / "cases.csv"), str(study / "images.csv")
    return [planning.shard_rows(*tables, shard, n_shards) for shard in range(n_shards)]


def test_every_image_of_a_known_case_is_in_one_shard(study: Path) -> None:
    found = [row["image_id"] for shard in rows(study, 3) for row in shard]
    assert sorted(found) == ["I1", "I2", "I3"]


def test_a_patients_images_share_a_shard_whatever_the_process() -> None:
    assert [planning.shard_of(patient, 8) for patient in ("P1", "P2", "P3")] == [7, 2, 4]


def test_a_new_patient_changes_one_shards_digest(study: Path) -> None:
    before = [planning.shard_digest(shard, str(study)) for shard in rows(study, 8)]
    with (study / "cases.csv").open("a") as cases, (study / "images.csv").open("a") as images:
        cases.write("C4,P4,A,DCIS\n")
        images.write("I4,C4,a.dcm,0,0,5,5\n")
    after = [planning.shard_digest(shard, str(study)) for shard in rows(study, 8)]
    changed = [i for i in range(8) if before[i] != after[i]]
    assert changed == [planning.shard_of("P4", 8)]


def test_a_label_edit_changes_no_shards_digest(study: Path) -> None:
    before = [planning.shard_digest(shard, str(study)) for shard in rows(study, 2)]
    (study / "cases.csv").write_text(CASES.replace("C1,P1,A,DCIS", "C1,P1,A,IDC"))
    assert [planning.shard_digest(shard, str(study)) for shard in rows(study, 2)] == before


@pytest.mark.parametrize("change", ["touch", "resize", "remove"])
def test_a_changed_file_changes_the_digest(study: Path, change: str) -> None:
    (shard,) = rows(study, 1)
    before = planning.shard_digest(shard, str(study))
    file = study / "a.dcm"
    if change == "touch":
        os.utime(file, ns=(1, 1))
    elif change == "resize":
        file.write_bytes(b"other pixels")
    else:
        file.unlink()
    assert planning.shard_digest(shard, str(study)) != before


def test_missing_files_are_listed_by_image_and_never_by_path(study: Path) -> None:
    (study / "b.dcm").unlink()
    (shard,) = rows(study, 1)
    with pytest.raises(StudyError, match="image I2") as caught:
        planning.refuse_missing_images(shard, str(study))
    assert "b.dcm" not in str(caught.value)


def test_the_code_digest_follows_imports_of_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "microcalc"
    (package / "room").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "room" / "__init__.py").write_text("")
    (package / "room" / "outer.py").write_text("from microcalc.room import inner\n")
    (package / "room" / "inner.py").write_text("value = 1\n")
    (package / "room" / "unrelated.py").write_text("value = 1\n")
    script = tmp_path / "script.py"
    script.write_text("from microcalc.room.outer import inner\n")
    monkeypatch.setattr(planning, "PACKAGE_ROOT", tmp_path)

    def digest() -> str:
        planning.code_digest.cache_clear()
        return planning.code_digest(str(script))

    first = digest()
    (package / "room" / "unrelated.py").write_text("value = 2\n")
    assert digest() == first
    (package / "room" / "inner.py").write_text("value = 2\n")
    assert digest() != first


def test_another_look_of_the_figures_redraws_figures_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = Path(__file__).parents[2] / "workflow"
    shutil.copytree(workflow / "src" / "microcalc", tmp_path / "microcalc")
    monkeypatch.setattr(planning, "PACKAGE_ROOT", tmp_path)
    scripts = sorted((workflow / "scripts").glob("*.py"))

    def digests() -> list[str]:
        planning.code_digest.cache_clear()
        return [planning.code_digest(str(script)) for script in scripts]

    before = digests()
    with open(tmp_path / "microcalc" / "figures" / "style.py", "a") as style:
        style.write("COLUMN_MM = 84.0\n")
    pairs = zip(scripts, before, digests(), strict=True)
    changed = {script.stem for script, old, new in pairs if old != new}
    drawing = {script.stem for script in scripts if script.stem.startswith("draw_")}
    # contact sheets are images with labels, and take no more of a figure than its colors
    assert changed == drawing - {"draw_gallery"}


def test_folder_digest_sees_text_name_and_depth(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    digests = []
    for name, text in (("a/x", "1"), ("a/x", "2"), ("y", "2")):
        (tmp_path / name).write_text(text)
        planning.folder_digest.cache_clear()
        digests.append(planning.folder_digest(str(tmp_path)))
    assert len(set(digests)) == 3


def test_a_table_is_known_by_its_content_and_not_by_its_time(study: Path) -> None:
    table = str(study / "cases.csv")
    before = planning.tables_digest(table)
    os.utime(table, (0, 0))
    assert planning.tables_digest(table) == before
    Path(table).write_text(Path(table).read_text().replace("IDC", "DCIS", 1))
    os.utime(table, (0, 0))
    assert planning.tables_digest(table) != before


def test_a_folder_that_cannot_be_made_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda place, mode: False)  # root may write everywhere
    with pytest.raises(StudyError, match=r"results/s cannot be written: .* is read-only"):
        planning.refuse_read_only("results/s")
