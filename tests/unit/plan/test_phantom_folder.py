"""Phantoms are written where they belong alone, and over no file of a user's."""

import os
from pathlib import Path

import pytest

from microcalc.core.errors import StudyError
from microcalc.plan import phantom_folder
from microcalc.simulate import cohort, shard

SEED = 11
OWN = "results/own/simulate/dicom"
ROWS = [{"image_id": "I1", "path": "a.dcm"}, {"image_id": "I2", "path": "site-a/b.dcm"}]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results" / "own").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    return tmp_path


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    tables = cohort.draw(SEED, n_negative=1, n_positive=1, field_mm=cohort.TINY_FIELD_MM)
    return tables.phantoms.to_dict("records")


def refuse(image_folder: str, rows: list[dict] = ROWS) -> None:
    phantom_folder.refuse_elsewhere(image_folder, "results/own", {"the images table": rows})


def make(rows: list[dict]) -> dict[str, str]:
    return shard.make(rows, OWN, results="results/own", shard=0, seed=SEED)


@pytest.mark.parametrize("inside", [OWN, "results/own/simulate", f"./x/../{OWN}/deeper"])
def test_phantoms_have_a_folder_of_their_own(place: Path, inside: str) -> None:
    refuse(inside)
    refuse(str(place / inside))


@pytest.mark.parametrize(
    "elsewhere",
    [
        *("studies/own/dicom", "results/own", "results", ".", "/", "results/own/simulated"),
        *("results/other/simulate/dicom", "results/own/simulate/../images", f"{OWN}/../.."),
    ],
)
def test_a_study_whose_images_lie_elsewhere_cannot_simulate(place: Path, elsewhere: str) -> None:
    for path in (elsewhere, str(place / elsewhere)):
        with pytest.raises(StudyError) as raised:
            refuse(path)
        assert f"cohort.image_folder is {path}" in str(raised.value)
        assert "take the section simulate out of the config" in str(raised.value)


def test_links_are_followed(place: Path) -> None:
    # a link on the way to results is where a study lies, one below is where its images lie
    (place / "data" / "scratch").mkdir()
    (place / "results" / "own").rmdir()
    (place / "results" / "own").symlink_to(place / "data" / "scratch")
    refuse(OWN)
    (place / OWN).parent.mkdir(parents=True)
    (place / OWN).symlink_to(place / "data")
    with pytest.raises(StudyError, match="image_folder is results/own/simulate/dicom"):
        refuse(OWN)
    (place / OWN).unlink()
    (place / OWN).mkdir()
    (place / OWN / "site-a").symlink_to(place / "data")
    with pytest.raises(StudyError, match="1 files lie elsewhere") as raised:
        refuse(OWN)
    assert str(raised.value).endswith("  - image I2")


def test_a_linked_folder_of_phantoms_is_elsewhere(place: Path) -> None:
    (place / "results" / "own" / "simulate").symlink_to(place / "data")
    with pytest.raises(StudyError, match="a study whose images lie elsewhere"):
        refuse(OWN)


@pytest.mark.parametrize("path", ["../../../data/a.dcm", "/data/a.dcm", "x/../../../images/a.dcm"])
def test_paths_that_leave_the_folder_are_refused_and_not_shown(place: Path, path: str) -> None:
    with pytest.raises(StudyError) as raised:
        refuse(OWN, [ROWS[0], {"image_id": "I9", "path": path}])
    assert "by column path of the images table, 1 files lie elsewhere" in str(raised.value)
    assert str(raised.value).endswith("  - image I9")
    assert path not in str(raised.value)


def test_a_users_file_is_left_as_it_is_and_nothing_is_written(
    place: Path, rows: list[dict]
) -> None:
    own = place / OWN / rows[1]["path"]
    own.parent.mkdir(parents=True)
    for content in (b"pixels of a patient" * 100, b"", bytes(5000)):
        own.write_bytes(content)
        with pytest.raises(StudyError, match="at the place of 1 phantoms lies a file") as raised:
            make(rows)
        assert str(raised.value).endswith(f"  - image {rows[1]['image_id']}")
        assert own.read_bytes() == content
        assert list((place / OWN).iterdir()) == [own]
    own.unlink()
    os.symlink(place / "data" / "elsewhere.dcm", own)
    with pytest.raises(StudyError, match="1 files lie elsewhere"):
        make(rows)
    own.unlink()
    own.mkdir()
    with pytest.raises(StudyError, match="at the place of 1 phantoms"):
        make(rows)


def test_phantoms_are_written_again_over_themselves(place: Path, rows: list[dict]) -> None:
    digests = make(rows)
    first = place / OWN / rows[0]["path"]
    whole = first.read_bytes()
    assert phantom_folder.MARK in whole[: phantom_folder.HEAD]
    # what a crash, or a power cut, leaves of a file that was begun
    for torn in (whole, whole[: len(whole) // 2], whole[:200], b"", bytes(len(whole))):
        first.write_bytes(torn)
        assert make(rows) == digests
    first.write_bytes(b"a mammogram of the user's, put there later" * 100)
    with pytest.raises(StudyError, match="at the place of 1 phantoms"):
        make(rows)


def test_what_was_begun_is_known_in_other_shards_and_beside_a_torn_record(
    place: Path, rows: list[dict]
) -> None:
    phantom_folder.begin(rows[:2], "results/own", 5)
    (place / "results/own/simulate/shard-6.begun.json").write_text('["I')
    target = place / OWN / rows[0]["path"]
    target.parent.mkdir(parents=True)
    target.touch()
    assert len(make(rows)) == len(rows)
