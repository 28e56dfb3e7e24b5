"""The one reader of the user's tables, light enough for planning to use."""

import csv
import io
import os
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from microcalc.core import spreadsheet
from microcalc.core.errors import StudyError, shown

SEPARATORS = (",", ";", "\t")
MISSING = ("", "NA")


class Table(NamedTuple):
    """A table as text.

    Attributes
    ----------
    name
        The file's path as given, for messages.
    columns
        Header names, stripped.
    rows
        One dictionary per row, cells stripped.
    lines
        The line of the file on which each row ends, for messages.
    """

    name: str
    columns: list[str]
    rows: list[dict[str, str]]
    lines: list[int]


def read_table(path: str | os.PathLike[str], *, only: Collection[str] | None = None) -> Table:
    """Return a table's cells as stripped text.

    Parameters
    ----------
    path
        A CSV file: UTF-8 with or without a byte order mark (UTF-16 with one), or
        Windows-1252; separated by comma, semicolon or tab.
    only
        The columns that rows keep, for a large table of which little is needed; None for all.

    Returns
    -------
    Table
        Without rows that are empty.

    Raises
    ------
    StudyError
        When the file is missing, no text, or has no row, a column name is empty or stands twice, or
        a row has more or fewer cells than the header.
    """
    name = str(path)
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise StudyError(f"{name}: there is no such table; check its path in the config") from None
    text = _decode(data, name)
    if not text.strip():
        raise StudyError(f"{name}: the table is empty; expected a header and one row per entry")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))
    filled = (cells for line in reader if any(cells := [cell.strip() for cell in line]))
    rows, lines, problems = [], [], []
    try:
        header = next(filled)
        kept = [(i, column) for i, column in enumerate(header) if only is None or column in only]
        whole = len(kept) == len(header)
        for cells in spreadsheet.meant_rows(filled, text):
            if len(cells) == len(header):
                # Of a table of a million rows the time is spent here.
                rows.append(
                    dict(zip(header, cells, strict=True))
                    if whole
                    else {column: cells[i] for i, column in kept}
                )
                lines.append(reader.line_num)
            else:
                problems.append(
                    f"line {reader.line_num} has {len(cells)} cells, the header has {len(header)} "
                    "(a separator inside a text needs quotes)"
                )
    except csv.Error as error:
        raise StudyError(f"{name}: line {reader.line_num} cannot be read ({error})") from None
    problems = _header_problems(header) + problems
    if problems:
        raise StudyError.listing(f"{name}: not a well-formed table", problems)
    if not rows:
        raise StudyError(f"{name}: the table has a header and no row")
    return Table(name, header, rows, lines)


def _decode(data: bytes, name: str) -> str:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    if "\0" in text:
        raise StudyError(f"{name}: not a text table; save it as CSV (UTF-8)")
    return text


def _separator(text: str) -> str:
    header_line = text.lstrip().splitlines()[0]
    return max(SEPARATORS, key=header_line.count)


def _header_problems(header: list[str]) -> list[str]:
    unnamed = [f"column {i + 1} has no name" for i, name in enumerate(header) if not name]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    return unnamed + [f"column {shown(name)} stands twice in the header" for name in twice]
