from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from microcalc.apply import register
from microcalc.core.errors import StudyError

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FRIDAY = datetime(2026, 3, 6, 17, 0, tzinfo=UTC)


def predicted(*case_ids: str, made_from: str = "a", probability: float = 0.1 + 0.2) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "case_id": case_ids,
            "model": "deep",
            "probability": probability,
            "threshold": 0.5,
            "called": "benign",
            "made_from": made_from,
        }
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "history" / "register.csv"
    register.add(place, predicted("C1", "C2"), labelled=["C2"], now=MONDAY)
    return place


def test_what_is_written_is_read_back_with_time_and_knowledge(path: Path) -> None:
    table = register.read(path)
    assert table["predicted_at"].tolist() == ["2026-03-02T09:30:00+00:00"] * 2
    assert table["label_known"].tolist() == ["no", "yes"]
    assert table["probability"].tolist() == [0.1 + 0.2] * 2


def test_the_same_again_leaves_the_same_bytes(path: Path) -> None:
    before = path.read_bytes()
    register.add(path, predicted("C1", "C2"), labelled=["C1", "C2"], now=FRIDAY)
    assert path.read_bytes() == before


def test_a_new_case_is_added_below(path: Path) -> None:
    before = path.read_bytes()
    register.add(path, predicted("C1", "C0"), labelled=[], now=FRIDAY)
    assert path.read_bytes().startswith(before)
    table = register.read(path)
    assert table["case_id"].tolist() == ["C1", "C2", "C0"]
    assert table["predicted_at"].iloc[-1] == "2026-03-06T17:00:00+00:00"


def test_other_data_of_a_registered_case_are_refused(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(StudyError, match=r"What was predicted first stays.*\n  - case C1, model"):
        register.add(path, predicted("C1", "C9", made_from="b"), labelled=[], now=FRIDAY)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("0.30000000000000004", "0.9", 2),
        ("2026-03-02T09:30", "2025-03-02T09:30", 2),
        ("C2,deep", "C3,deep", 3),
    ],
)
def test_a_row_edited_by_hand_is_found(path: Path, old: str, new: str, line: int) -> None:
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(StudyError, match=f"line {line}: the register was changed"):
        register.read(path)


def test_a_row_taken_out_is_found(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], *lines[2:]]))
    with pytest.raises(StudyError, match="line 2: the register was changed"):
        register.read(path)


def test_nothing_predicted_leaves_an_empty_register(tmp_path: Path) -> None:
    register.add(tmp_path / "r.csv", predicted(), labelled=[])
    assert register.read(tmp_path / "r.csv").empty
