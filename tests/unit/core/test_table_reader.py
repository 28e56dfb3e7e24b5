from pathlib import Path

import pytest

from microcalc.core.errors import StudyError
from microcalc.core.table_reader import read_table


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\n1,\xc3\xa9\n",
        b"\xef\xbb\xbfa,b\r\n1,\xc3\xa9\r\n",
        "a;b\n1;é\n".encode("cp1252"),
        "a\tb\n1\té\n".encode("utf-16"),
        b"\n a , b \n\n 1 ,\xc3\xa9\n\n",
    ],
    ids=["plain", "bom", "semicolon-cp1252", "tab-utf16", "spaces-and-blank-lines"],
)
def test_reads_what_spreadsheets_write(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(data)
    assert read_table(file).rows == [{"a": "1", "b": "é"}]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b" \n \n", "empty"),
        (b"a,a\n1,2\n", "stands twice"),
        (b"a,\n1,2\n", "column 2 has no name"),
        (b"a,b\n1,2\n1,2,3\n", "line 3 has 3 cells"),
        (b"a,b\n1\0,2\n", "not a text table"),
        (b"a,b\n" + b"x" * 200_000 + b",2\n", "line 2 cannot be read"),
    ],
)
def test_refuses_what_is_no_table(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(data)
    with pytest.raises(StudyError, match=message):
        read_table(file)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"gone\.csv: there is no such table"):
        read_table(tmp_path / "gone.csv")


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text('a,b\n\n"two\nlines",1\n\n3,4\n')
    assert read_table(file).lines == [4, 6]


def test_only_the_columns_that_are_asked_for_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a,b,c\n1,2,3\n")
    table = read_table(file, only=["c", "a", "z"])
    assert table.columns == ["a", "b", "c"]
    assert table.rows == [{"a": "1", "c": "3"}]
