"""Properties of the tables' way into a study, on tables that hypothesis makes up."""

import csv
import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.unit.cohort.test_broken_tables import CASES, HEADER, IMAGES, eligible

from microcalc.core.errors import StudyError
from microcalc.core.table_reader import MISSING, read_table

QUICK = settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    # Each example writes its files anew.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ROWS = CASES.splitlines()[1:]
CELLS = st.one_of(
    st.sampled_from(
        [
            *("", "NA", "na", "-", "0", "1e5", "4,5", "=1+1", "@A1", "A", "B", "IDC", "idc", "C1"),
            *("P1", "p1", " C2 ", "../x", "<b>", "\ufeff", '"', "'", "\u202eC1", "61", "4A", "5"),
        ]
    ),
    st.text(max_size=12),
)


@QUICK
@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_file_is_a_table_or_a_clear_refusal(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(data)
    try:
        table = read_table(path)
    except StudyError:
        return
    assert table.rows
    assert len(table.rows) == len(table.lines)
    assert all(list(row) == table.columns for row in table.rows)
    assert all(cell == cell.strip() for row in table.rows for cell in row.values())


@QUICK
@given(
    rows=st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=3, max_size=3),
        min_size=1,
        max_size=6,
    ),
    separator=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_what_a_spreadsheet_writes_is_read_as_it_stood(
    tmp_path: Path, rows: list[list[str]], separator: str, encoding: str, line_end: str
) -> None:
    assume(all(any(map(str.strip, row)) for row in rows))
    written = io.StringIO()
    writer = csv.writer(written, delimiter=separator, lineterminator=line_end)
    writer.writerows([["a", "b", "c"], *rows])
    path = tmp_path / "table.csv"
    path.write_bytes(written.getvalue().encode(encoding))
    table = read_table(path)
    assert [list(row.values()) for row in table.rows] == [[c.strip() for c in row] for row in rows]


@QUICK
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(ROWS) - 1), st.integers(0, 6), CELLS), min_size=1, max_size=4
    )
)
def test_whatever_stands_in_a_cell_the_study_is_sound_or_refused(
    tmp_path: Path, changes: list[tuple[int, int, str]]
) -> None:
    rows = [row.split(",") for row in ROWS]
    for row, column, cell in changes:
        rows[row][column] = cell
    written = io.StringIO()
    csv.writer(written).writerows([HEADER.split(","), *rows])
    try:
        found = eligible(tmp_path, written.getvalue().encode(), IMAGES.encode())
    except StudyError:
        return
    assert_sound(found)


def assert_sound(found: pd.DataFrame) -> None:
    assert found.case_id.is_unique
    assert (found.groupby("patient_id").split.nunique() == 1).all()
    assert (found.groupby("patient_id").center.nunique() == 1).all()
    assert set(found.split) <= {"train", "internal", "external"}
    assert (found[found.center == "B"].split == "external").all()
    assert ((found.label == "IDC") == (found.y == 1)).all()
    assert not found.isin(MISSING).to_numpy().any()


@settings(QUICK, max_examples=8)
@given(order=st.permutations(range(len(ROWS))), images=st.permutations(range(len(ROWS))))
def test_the_order_of_rows_does_not_matter(
    tmp_path: Path, order: list[int], images: list[int]
) -> None:
    header, *image_rows = IMAGES.splitlines()
    shuffled = "\n".join([HEADER, *(ROWS[i] for i in order)])
    other = "\n".join([header, *(image_rows[i] for i in images)])
    expected = eligible(tmp_path, CASES.encode(), IMAGES.encode())
    found = eligible(tmp_path, shuffled.encode(), other.encode())
    pd.testing.assert_frame_equal(found, expected)


@QUICK
@given(
    patients=st.lists(
        st.tuples(st.sampled_from("AB"), st.lists(st.sampled_from(["DCIS", "IDC"]), max_size=3)),
        min_size=1,
        max_size=30,
    )
)
def test_a_patient_is_never_in_two_splits(
    tmp_path: Path, patients: list[tuple[str, list[str]]]
) -> None:
    cases = [
        (f"C{i}-{j}", f"P{i}", center, label)
        for i, (center, labels) in enumerate(patients)
        for j, label in enumerate(labels)
    ]
    rows = [",".join([*case, str(40 + i), "4A", ""]) for i, case in enumerate(cases)]
    views = [f"I-{case[0]},{case[0]},{case[0]}.dcm,CC,L,1,1,9,9,0.1" for case in cases]
    try:
        found = eligible(
            tmp_path,
            "\n".join([HEADER, *rows]).encode(),
            "\n".join([IMAGES.splitlines()[0], *views]).encode(),
        )
    except StudyError:
        few = {label: {c[1] for c in cases if c[2] == "A" and c[3] == label} for label in LABELS}
        assert not cases or min(map(len, few.values())) < ENOUGH
        return
    assert_sound(found)
    assert len(found) == len(cases)


LABELS = ("DCIS", "IDC")
ENOUGH = 9
"""Patients of a class in center A, of which half train and some have lesions of both classes."""


@pytest.mark.parametrize("n", [1, 7])
def test_a_new_patient_never_moves_another_between_development_and_external(
    tmp_path: Path, n: int
) -> None:
    before = eligible(tmp_path, CASES.encode(), IMAGES.encode()).set_index("case_id")
    cases = CASES + "".join(f"N{i},Q{i},A,IDC,50,4A,ok\n" for i in range(n))
    images = IMAGES + "".join(f"X{i},N{i},x{i}.dcm,CC,L,1,1,9,9,0.1\n" for i in range(n))
    after = eligible(tmp_path, cases.encode(), images.encode()).set_index("case_id")
    kept: Any = after.loc[before.index]
    assert ((kept.split == "external") == (before.split == "external")).all()
