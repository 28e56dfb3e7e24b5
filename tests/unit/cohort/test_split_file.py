"""The user's own file of places: read, refused, written once and added to."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.configs import study_config

from microcalc.cohort import split_file
from microcalc.cohort.split import place
from microcalc.config.cohort_settings import CohortSettings
from microcalc.core.errors import StudyError

DRAW: dict[str, Any] = {"development_centers": ["A"], "train_fraction": 0.6}


def cases_of(n: int, first: int = 0) -> list[dict[str, Any]]:
    return [
        {"case_id": f"C{i}", "patient_id": f"P{i:03d}", "center": "B" if i % 4 == 3 else "A"}
        for i in range(first, first + n)
    ]


def drawn(cases: list[dict[str, Any]], seed: int = 1) -> dict[str, str]:
    return {c["patient_id"]: place(c["patient_id"], c["center"], seed=seed, **DRAW) for c in cases}


def settings(path: Path | None) -> CohortSettings:
    return study_config(cohort=DRAW | {"split_file": path and str(path)}).cohort


def test_no_file_freezes_nobody() -> None:
    assert split_file.read(None) == {}


@pytest.mark.parametrize(
    "text",
    [
        "patient_id,split\nP1,train\nP2,internal\n",
        "\ufeffsplit;patient_id\r\ntrain;P1\r\ninternal;P2",
    ],
)
def test_a_file_is_read_however_a_spreadsheet_saved_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "split.csv").write_text(text, encoding="utf-8", newline="")
    assert split_file.read(tmp_path / "split.csv") == {"P1": "train", "P2": "internal"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("P1,train\nP1,internal\n", "line 3: patient 'P1' is in 'internal' here and in 'train' on"),
        ("P1,train\np1,train\n", "line 3: 'p1' differs from 'P1' on line 2 only in case"),
        ("P1,traim\n", "line 2, column 'split': 'traim' is not one of train, internal, external"),
        ("P1,\n", "line 2, column 'split': '' is not one of"),
        ("DOE^JANE,train\n", "'DOE^JANE' is no pseudonym"),
    ],
)
def test_a_file_that_says_two_things_or_none_is_refused(
    tmp_path: Path, rows: str, message: str
) -> None:
    (tmp_path / "split.csv").write_text("patient_id,split\n" + rows)
    with pytest.raises(StudyError) as raised:
        split_file.read(tmp_path / "split.csv")
    assert message in str(raised.value)
    assert "split.csv (cohort.split_file) cannot be used" in str(raised.value)


def test_a_file_that_is_missing_or_of_other_columns_is_refused(tmp_path: Path) -> None:
    for missing in (tmp_path / "split.csv", tmp_path):
        with pytest.raises(StudyError, match="write it with make freeze-split CONFIG="):
            split_file.read(missing)
    (tmp_path / "split.csv").write_text("patient_id,split,label\nP1,train,IDC\n")
    with pytest.raises(StudyError, match="has the columns patient_id, split, label; expected"):
        split_file.read(tmp_path / "split.csv")


def test_a_file_under_results_is_refused_however_it_is_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results" / "mine").mkdir(parents=True)
    (tmp_path / "link").symlink_to("results/mine")
    inside = "results/mine/split.csv", "results/other/x.csv", "link/split.csv"
    for path in (*inside, "./a/../results/split.csv", str(tmp_path / "results" / "split.csv")):
        with pytest.raises(StudyError, match="lies under results/"):
            split_file.refuse_inside_results(path, "results/mine")
    for outside in ("split.csv", "results-old/split.csv", "studies/results.csv", None):
        split_file.refuse_inside_results(outside, "results/mine")


def test_a_file_and_a_table_that_are_not_meant_for_each_other_are_refused() -> None:
    cases = cases_of(4)
    split_file.refuse_other_tables({"P000": "train", "GONE": "internal"}, cases)
    with pytest.raises(StudyError, match="none of its 2 patients is in the case table"):
        split_file.refuse_other_tables({"X1": "train", "X2": "train"}, cases)
    with pytest.raises(StudyError, match="'p001' there, 'P001' in the case table"):
        split_file.refuse_other_tables({"P000": "train", "p001": "train"}, cases)
    with pytest.raises(StudyError, match="the case table has a column split too"):
        split_file.refuse_other_tables({"P000": "train"}, [{**cases[0], "split": "train"}])


def test_what_file_and_table_do_not_share_is_told() -> None:
    frozen = {"P000": "external", "P001": "train", "P003": "internal", "GONE": "train"}
    told = split_file.notices(frozen, cases_of(5), ["A"])
    assert [line.partition(": ")[0] for line in told] == [
        "1 patient (GONE)",
        "2 patients (P002, P004)",
        "1 patient (P000)",
        "1 patient (P003)",
    ]
    assert "not in the case table" in told[0]
    assert "placed by a hash; make freeze-split" in told[1]
    assert "of a development center and external" in told[2]
    assert "of no development center" in told[3]
    assert split_file.notices({}, cases_of(5), ["A"]) == []
    assert split_file.notices(drawn(cases_of(5)), cases_of(5), ["A"]) == []


def test_many_patients_are_counted_and_the_first_named() -> None:
    names = [f"P{i}" for i in range(12)]
    assert split_file.patients(names) == "12 patients (P0, P1, P2, P3, P4, P5, P6, P7 and 4 more)"


def test_a_first_freeze_writes_the_hash_and_a_second_adds_new_patients_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "split.csv"
    told = split_file.freeze(cases_of(30), settings(path), seed=1)
    assert "30 patients added, 0 left as they were" in told
    assert split_file.read(path) == drawn(cases_of(30))
    mine = {**drawn(cases_of(30)), "P004": "external"}
    by_hand = "patient_id,split\n" + "".join(f"{name},{at}\n" for name, at in mine.items())
    path.write_text(by_hand)
    # another seed and fraction, two patients who left, two who came
    again = settings(path).model_copy(update={"train_fraction": 0.2})
    told = split_file.freeze(cases_of(30, first=2), again, seed=9)
    assert "2 patients added, 30 left as they were" in told
    assert path.read_text().startswith(by_hand)
    new = place("P030", "A", development_centers=["A"], train_fraction=0.2, seed=9)
    assert path.read_text().removeprefix(by_hand) == f"P030,{new}\nP031,external\n"
    before = path.read_bytes()
    assert "0 patients added" in split_file.freeze(cases_of(30, first=2), again, seed=3)
    assert path.read_bytes() == before


def test_a_freeze_keeps_the_places_of_the_last_results(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    earlier = dict.fromkeys(("P000", "P001", "P002"), "internal")
    told = split_file.freeze(cases_of(8), settings(path), seed=1, earlier=earlier)
    assert "3 of the new have the place of the last results" in told
    assert split_file.read(path) == drawn(cases_of(8)) | earlier


def test_a_link_keeps_pointing_at_the_file_it_names(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    link, file = tmp_path / "split.csv", tmp_path / "kept" / "split.csv"
    link.symlink_to(file)
    with pytest.raises(StudyError, match="there is no file"):
        split_file.freeze(cases_of(3), settings(link), seed=1)
    file.write_text("patient_id,split\nP000,train\n")
    split_file.freeze(cases_of(3), settings(link), seed=1)
    assert link.is_symlink()
    assert len(split_file.read(file)) == 3


def test_a_freeze_without_a_place_or_on_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="name the file that the split is to be written to"):
        split_file.freeze(cases_of(3), settings(None), seed=1)
    path, new = tmp_path / "split.csv", tmp_path / "new.csv"
    path.write_text("patient_id,split\nP000,train\nP000,internal\n")
    with pytest.raises(StudyError, match="a patient has one place"):
        split_file.freeze(cases_of(3), settings(path), seed=1)
    assert path.read_text().count("\n") == 3
    with pytest.raises(StudyError, match="column split too"):
        split_file.freeze([{**c, "split": "train"} for c in cases_of(3)], settings(new), seed=1)
    assert not new.exists()
