"""The one reader of the user's tables, light enough for planning to use."""

import csv
import io
import os
from pathlib import Path

from microcalc.errors import StudyError

SEPARATORS = (",", ";", "\t")


def read_rows(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """Return a table's rows as dictionaries of stripped text, header names stripped too.

    Parameters
    ----------
    path
        A CSV file: UTF-8 with or without a byte order mark (UTF-16 with one), or
        Windows-1252; separated by comma, semicolon or tab.

    Raises
    ------
    StudyError
        When the file is missing or empty, a column name is empty or stands twice, or a row
        has more or fewer cells than the header.
    """
    name = Path(path)
    try:
        data = name.read_bytes()
    except FileNotFoundError:
        raise StudyError(f"{name}: there is no such table; check its path in the config") from None
    text = _decode(data)
    if not text.strip():
        raise StudyError(f"{name}: the table is empty; expected a header and one row per entry")
    header_line = text.lstrip().splitlines()[0]
    separator = max(SEPARATORS, key=header_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    lines = [(reader.line_num, line) for line in reader if any(cell.strip() for cell in line)]
    header = [cell.strip() for cell in lines[0][1]]
    problems = _header_problems(header)
    for number, line in lines[1:]:
        if len(line) != len(header):
            problems.append(
                f"line {number} has {len(line)} cells, the header has {len(header)} "
                "(a separator inside a text needs quotes)"
            )
    if problems:
        raise StudyError.listing(f"{name}: not a well-formed table", problems)
    return [
        dict(zip(header, (cell.strip() for cell in line), strict=True)) for _, line in lines[1:]
    ]


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _header_problems(header: list[str]) -> list[str]:
    problems = [f"column {i + 1} has no name" for i, name in enumerate(header) if not name]
    seen: set[str] = set()
    for name in header:
        if name and name in seen:
            problems.append(f"column {name!r} stands twice in the header")
        seen.add(name)
    return problems
