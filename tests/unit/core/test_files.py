from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from microcalc.core.errors import StudyError
from microcalc.core.files import (
    UNFINISHED,
    atomic_path,
    digest_value,
    fast_digest,
    read_csv,
    read_json,
    read_parquet,
    sweep_up,
    write_csv,
    write_each,
    write_json,
)
from microcalc.core.table_reader import read_table


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "result.csv"
    target.write_text("old")
    with pytest.raises(TypeError), atomic_path(target) as temporary:
        temporary.write_text("half" + 1)  # type: ignore[operator]
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_floats_read_back_as_the_same_double(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=500) * 10.0 ** np.arange(-250, 250)
    write_csv(pd.DataFrame({"x": values}), tmp_path / "x.csv")
    back = pd.read_csv(tmp_path / "x.csv", float_precision="round_trip")
    assert (back.x.to_numpy() == values).all()
    write_json(values.tolist(), tmp_path / "x.json")
    assert read_json(tmp_path / "x.json") == values.tolist()


def test_json_refuses_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json({"auc": float("nan")}, tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []


def test_a_fast_digest_says_which_it_is_and_joins_its_parts() -> None:
    # Of no bytes, as the specification of XXH3 gives it.
    assert fast_digest([]) == "xxh3-128:99aa06d3014798d86001c324468d497f"
    assert fast_digest([b"ab", memoryview(b"c")]) == fast_digest([b"abc"]) != fast_digest([b"abd"])


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest_value({"a": 1, "b": [2]}) == digest_value({"b": [2], "a": 1})
    assert digest_value({"a": 1}) != digest_value({"a": 2})


@pytest.mark.parametrize(
    ("read", "damaged"),
    [
        (read_csv, b'case_id,y\nC1,"1'),
        (read_csv, b""),
        (read_csv, bytes(40)),
        (read_csv, b"case_id\n\xff\xfe\n"),
        (read_json, b'{"auc": 0.'),
        (read_json, b'{"intercept": NaN}'),
        (read_json, b'{"intercept": -Infinity}'),
        (read_json, b'{"intercept": 1e999}'),
        (read_json, b"[" * 100_000),
        (read_parquet, b"PAR1 half a file"),
    ],
)
def test_a_damaged_result_is_named(tmp_path: Path, read: Any, damaged: bytes) -> None:
    path = tmp_path / "result"
    path.write_bytes(damaged)
    with pytest.raises(StudyError, match=r"result: damaged, .*; delete it and run the same"):
        read(path)


def test_a_job_thought_dead_cannot_spoil_its_replacements_file(tmp_path: Path) -> None:
    target = tmp_path / "result.csv"
    with atomic_path(target) as dead:
        dead.write_text("half a ta")
        with atomic_path(target) as replacement:
            replacement.write_text("a table")
        assert target.read_text() == "a table"
        dead.write_text("a table")
    assert target.read_text() == "a table"
    assert list(tmp_path.iterdir()) == [target]


FORMULAS = ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=A1", "=cmd|' /C calc'!A0", "'=A1", "--", "+ve"]
HARMLESS = ["-", "+", "-0.12", "+3", "-1e-5", "'quoted'", "a=b", "−0.12", "", "4A", "'"]


def test_no_spreadsheet_computes_a_cell_and_we_read_what_stood_there(tmp_path: Path) -> None:
    cells = [*FORMULAS, *HARMLESS]
    table = pd.DataFrame({"level": cells, "value": np.linspace(-0.12, 3, len(cells))})
    write_csv(table, tmp_path / "x.csv")
    written = pd.read_csv(tmp_path / "x.csv", dtype=str, keep_default_na=False)
    assert written.level.tolist() == [f"'{cell}" for cell in FORMULAS] + HARMLESS
    assert written.value[0] == "-0.12"
    back = read_csv(tmp_path / "x.csv")
    assert back.level.fillna("").tolist() == cells
    assert back.value.tolist() == table.value.tolist()
    assert [row["level"] for row in read_table(tmp_path / "x.csv").rows] == [
        cell.strip() if cell != "\t=A1" else cell for cell in cells
    ]


def test_what_is_no_text_is_written_as_it_is(tmp_path: Path) -> None:
    table = pd.DataFrame({"mixed": pd.Series([1, None, True, "-x", 0.5], dtype=object)})
    write_csv(table, tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == 'mixed\n1\n""\nTrue\n\'-x\n0.5\n'


def test_what_a_killed_writer_left_is_swept_up_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    kept, left = tmp_path / "images" / "shard-0.npz", tmp_path / "images" / f"{UNFINISHED}x.npz"
    kept.touch()
    left.touch()
    sweep_up(tmp_path)
    sweep_up(tmp_path / "nowhere")
    assert list(kept.parent.iterdir()) == [kept]


def test_each_value_goes_to_the_path_at_its_place(tmp_path: Path) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    write_each(write_json, [1, [2]], paths)
    assert [read_json(path) for path in paths] == [1, [2]]
    with pytest.raises(ValueError, match="shorter"):
        write_each(write_json, [1, 2, 3], paths)
