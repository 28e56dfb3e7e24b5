import os
from pathlib import Path

import pytest

from microcalc.core.errors import StudyError
from microcalc.plan import refusals, shard_rows

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


def rows(study: Path, n_shards: int) -> list[list[shard_rows.Row]]:
    tables = str(study / "cases.csv"), str(study / "images.csv")
    return [shard_rows.of_shard(*tables, shard, n_shards) for shard in range(n_shards)]


def test_every_image_of_a_known_case_is_in_one_shard(study: Path) -> None:
    found = [row["image_id"] for shard in rows(study, 3) for row in shard]
    assert sorted(found) == ["I1", "I2", "I3"]


def test_a_patients_images_share_a_shard_whatever_the_process() -> None:
    assert [shard_rows.shard_of(patient, 8) for patient in ("P1", "P2", "P3")] == [7, 2, 4]


def test_a_new_patient_changes_one_shards_digest(study: Path) -> None:
    before = [shard_rows.files_digest(shard, str(study)) for shard in rows(study, 8)]
    with (study / "cases.csv").open("a") as cases, (study / "images.csv").open("a") as images:
        cases.write("C4,P4,A,DCIS\n")
        images.write("I4,C4,a.dcm,0,0,5,5\n")
    after = [shard_rows.files_digest(shard, str(study)) for shard in rows(study, 8)]
    changed = [i for i in range(8) if before[i] != after[i]]
    assert changed == [shard_rows.shard_of("P4", 8)]


def test_a_label_edit_changes_no_shards_digest(study: Path) -> None:
    before = [shard_rows.files_digest(shard, str(study)) for shard in rows(study, 2)]
    (study / "cases.csv").write_text(CASES.replace("C1,P1,A,DCIS", "C1,P1,A,IDC"))
    assert [shard_rows.files_digest(shard, str(study)) for shard in rows(study, 2)] == before


@pytest.mark.parametrize("change", ["touch", "resize", "remove"])
def test_a_changed_file_changes_the_digest(study: Path, change: str) -> None:
    (shard,) = rows(study, 1)
    before = shard_rows.files_digest(shard, str(study))
    file = study / "a.dcm"
    if change == "touch":
        os.utime(file, ns=(1, 1))
    elif change == "resize":
        file.write_bytes(b"other pixels")
    else:
        file.unlink()
    assert shard_rows.files_digest(shard, str(study)) != before


def test_a_job_whose_rows_or_files_were_changed_is_not_started(study: Path) -> None:
    (shard,) = rows(study, 1)
    planned = shard_rows.files_digest(shard, str(study))
    shard_rows.refuse_changed(shard, str(study), planned=planned)
    with pytest.raises(StudyError, match="was changed after this job was planned"):
        shard_rows.refuse_changed(
            [{**shard[0], "x0": "7"}, *shard[1:]], str(study), planned=planned
        )
    (study / "a.dcm").write_bytes(b"other pixels")
    with pytest.raises(StudyError, match="was changed after this job was planned"):
        shard_rows.refuse_changed(shard, str(study), planned=planned)


def test_missing_files_are_listed_by_image_and_never_by_path(study: Path) -> None:
    (study / "b.dcm").unlink()
    (shard,) = rows(study, 1)
    with pytest.raises(StudyError, match="image I2") as caught:
        refusals.refuse_missing_images(shard, str(study))
    assert "b.dcm" not in str(caught.value)


def test_a_table_is_known_by_its_content_and_not_by_its_time(study: Path) -> None:
    table = str(study / "cases.csv")
    before = shard_rows.table_digests({"cases": table})
    os.utime(table, (0, 0))
    assert shard_rows.table_digests({"cases": table}) == before
    Path(table).write_text(Path(table).read_text().replace("IDC", "DCIS", 1))
    os.utime(table, (0, 0))
    assert shard_rows.table_digests({"cases": table}) != before


def test_a_folder_that_cannot_be_made_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda place, mode: False)  # root may write everywhere
    with pytest.raises(StudyError, match=r"results/s cannot be written: .* is read-only"):
        refusals.refuse_read_only("results/s")


def test_tables_of_columns_that_are_not_there_are_listed(tmp_path: Path) -> None:
    there = tmp_path / "mri.csv"
    there.write_text("case_id,volume\n")
    refusals.refuse_missing_columns({"mri": str(there)})
    with pytest.raises(StudyError) as raised:
        refusals.refuse_missing_columns({"mri": str(there), "pet": "new/pet.csv"})
    assert "put the file beside the cohort's tables" in str(raised.value)
    assert str(raised.value).splitlines()[1:] == ["  - features.pet: there is no file new/pet.csv"]


@pytest.mark.parametrize(("is_deep", "refused"), [(True, True), (False, False)])
def test_a_folder_far_below_is_looked_at_where_a_run_writes_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_deep: bool, refused: bool
) -> None:
    closed = tmp_path / "conda" / "environment" / "lib"
    closed.mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda place, mode: Path(place) != closed)
    if refused:
        with pytest.raises(StudyError, match=f"{closed} is read-only.*belongs to"):
            refusals.refuse_read_only(tmp_path, is_deep=is_deep)
    else:
        refusals.refuse_read_only(tmp_path, is_deep=is_deep)


def test_the_owner_of_a_closed_folder_is_named_also_where_he_has_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    monkeypatch.setattr(Path, "owner", lambda self: {}["nobody"])
    with pytest.raises(StudyError, match=rf"belongs to user {tmp_path.stat().st_uid}\)"):
        refusals.refuse_read_only(tmp_path)
