"""Who would change sets is told before anybody does."""

from pathlib import Path
from typing import Any

from tests.unit.configs import study_config

from microcalc.cohort import split_changes, split_file
from microcalc.cohort.split import assign_splits
from microcalc.config.study_config import StudyConfig
from microcalc.core.files import write_json

DRAW: dict[str, Any] = {"development_centers": ["A"], "train_fraction": 0.6}


def cases_of(n: int) -> list[dict[str, Any]]:
    return [
        {"case_id": f"C{i}", "patient_id": f"P{i:03d}", "center": "B" if i % 4 == 3 else "A"}
        for i in range(n)
    ]


def drawn(cases: list[dict[str, Any]], seed: int) -> dict[str, str]:
    splits = assign_splits(cases, seed=seed, **DRAW)
    return {case["patient_id"]: splits[case["case_id"]] for case in cases}


def recorded(folder: Path, cases: list[dict[str, Any]], seed: int) -> None:
    splits = assign_splits(cases, seed=seed, **DRAW)
    run = {
        "time": "2026-11-27T08:00+00:00",
        "config": {"seed": seed, **{f"cohort.{name}": value for name, value in DRAW.items()}},
        "cases": {case_id: {"split": split} for case_id, split in splits.items()},
    }
    write_json([run], folder / "history" / "runs.json")


def config(seed: int, **cohort: Any) -> StudyConfig:
    return study_config(seed=seed, cohort=DRAW | cohort)


def test_who_would_move_is_told_with_why_and_how_to_keep_them(tmp_path: Path) -> None:
    cases = cases_of(40)
    recorded(tmp_path, cases, seed=1)
    assert split_changes.told(config(1), tmp_path, cases) == []
    told = split_changes.told(config(2), tmp_path, cases)
    before, after = drawn(cases, 1), drawn(cases, 2)
    into = [p for p in before if (before[p], after[p]) == ("internal", "train")]
    out = [p for p in before if (before[p], after[p]) == ("train", "internal")]
    assert into
    assert out
    assert told[:-1] == [
        f"WARNING: {len(into) + len(out)} of 40 patients change sets against the last results "
        "(2026-11-27), since seed was 1 and is 2:",
        f"  - from training to internal validation: {split_file.patients(out)}",
        f"  - from internal validation to training: {split_file.patients(into)}",
        "  Cases that validated, and whose results were seen, would train.",
    ]
    assert "set cohort.split_file to a file" in told[-1]


def test_a_center_that_leaves_development_is_told(tmp_path: Path) -> None:
    cases = cases_of(40)
    recorded(tmp_path, cases, seed=1)
    told = split_changes.told(config(1, development_centers=[]), tmp_path, cases)
    assert "since cohort.development_centers was A and is empty" in told[0]
    assert [line.partition(":")[0] for line in told[1:3]] == [
        "  - from training to external validation",
        "  - from internal validation to external validation",
    ]
    assert not any("would train" in line for line in told)


def test_patients_who_come_or_leave_move_nobody(tmp_path: Path) -> None:
    recorded(tmp_path, cases_of(40), seed=1)
    assert split_changes.told(config(1), tmp_path, cases_of(60)) == []
    assert split_changes.told(config(1), tmp_path, cases_of(20)) == []


def test_places_of_the_users_own_are_held_against_the_last_results_too(tmp_path: Path) -> None:
    cases = cases_of(4)
    recorded(tmp_path, cases, seed=1)
    was = drawn(cases, 1)
    other = {"train": "external", "internal": "external", "external": "train"}
    own = [{**case, "split": other[was[case["patient_id"]]]} for case in cases]
    told = split_changes.told(config(1), tmp_path, own)
    assert told[0].startswith("WARNING: 4 of 4 patients change sets")
    path = tmp_path / "split.csv"
    path.write_text("patient_id,split\n" + "".join(f"{c['patient_id']},train\n" for c in cases))
    told = split_changes.told(config(1, split_file=str(path)), tmp_path, cases)
    assert any(f"cohort.split_file was not set and is {path}" in line for line in told)
    assert not any("set cohort.split_file to" in line for line in told)


def test_the_last_table_of_cases_stands_in_for_a_run_that_measured_nothing(tmp_path: Path) -> None:
    cases = cases_of(3)
    assert split_changes.earlier(tmp_path, cases) == {}
    (tmp_path / "cohort").mkdir()
    (tmp_path / "cohort" / "eligible.csv").write_text("case_id,split\nC0,internal\nC9,train\n")
    assert split_changes.earlier(tmp_path, cases) == {"P000": "internal"}
    (tmp_path / "history").mkdir()
    (tmp_path / "history" / "runs.json").write_text('[{"ti')  # cut by a power failure
    assert split_changes.earlier(tmp_path, cases) == {"P000": "internal"}
    recorded(tmp_path, cases, seed=1)
    assert split_changes.earlier(tmp_path, cases) == drawn(cases, 1)
