"""What one row of the images table cannot tell alone: its region, and the rows of other readers."""

import math
from collections.abc import Iterator

from microcalc.config import views
from microcalc.core.errors import shown
from microcalc.core.spreadsheet import NUMBER
from microcalc.core.table_reader import MISSING, Table

BOX = ("x0", "y0", "x1", "y1")
_MOST_LINES = 5
OF_THE_IMAGE = ("case_id", "path", "frame", "view", "laterality", "spacing_mm")
"""Columns in which all rows of an image agree, whoever drew its region."""


def problems(table: Table) -> list[str]:
    """Return a sentence for every row that gives no region, or does not fit an earlier one.

    An image has one row, or one for each reader; a row gives either a box or a roi_path.

    Parameters
    ----------
    table
        The images table, its cells as text.

    Returns
    -------
    list of str
        With the file's name and the line; empty where nothing is wrong. No path is quoted.

    Examples
    --------
    >>> from microcalc.cohort import image_rows
    >>> from microcalc.core.table_reader import Table
    >>> row = {"image_id": "C001_CC", "case_id": "C001", "path": "1.dcm", "roi_path": "1.png"}
    >>> row |= {"x0": "10", "y0": "10", "x1": "90", "y1": "90"}
    >>> image_rows.problems(Table("images.csv", list(row), [row], [2]))
    ["images.csv, line 2, column 'roi_path': a file and a box are given; leave one of them empty"]
    """
    found = []
    first: dict[str, tuple[dict[str, str], int]] = {}
    seen: dict[tuple[str, str], int] = {}
    for row, line in zip(table.rows, table.lines, strict=True):
        said = {name: "" if cell in MISSING else cell for name, cell in row.items()}
        start = f"{table.name}, line {line}"
        found += [f"{start}, {problem}" for problem in _of_region(said)]
        key = said["image_id"].casefold(), said.get("reader", "")
        if key in seen:
            of_reader = f" for reader {key[1]}" if key[1] else ""
            found.append(
                f"{start}, column 'image_id': {shown(row['image_id'])} stands on line {seen[key]} "
                f"already{of_reader}; every image has one row, or one for each reader"
            )
        seen.setdefault(key, line)
        before, line_before = first.setdefault(key[0], (said, line))
        found += [
            f"{start}, column {name!r}: {shown(said[name])} here and {shown(before[name])} on line "
            f"{line_before}; the rows of one image differ in its region and reader alone"
            for name in ("image_id", *OF_THE_IMAGE)
            if said.get(name, "") != before.get(name, "") and name != "path"
        ]
        if said["path"] != before["path"]:
            # Paths stay out of every message.
            found.append(
                f"{start}, column 'path': not that of line {line_before}, with the same image_id"
            )
    return found + _empty_boxes(table) + _unknown_views(table)


def _empty_boxes(table: Table) -> list[str]:
    """Return one sentence about all boxes whose first column or row is not before their last."""
    found = []
    for first, last, what in (("x0", "x1", "column"), ("y0", "y1", "row")):
        lines = [
            line
            for row, line in zip(table.rows, table.lines, strict=True)
            if _number(row.get(first)) >= _number(row.get(last))
        ]
        if lines:
            found.append(
                f"{table.name}, columns {first!r} and {last!r}: {first} is not below {last} on "
                f"{len(lines)} {'line' if len(lines) == 1 else 'lines'} ({_listed(lines)}); "
                f"{first} is the ROI's first {what} and {last} the first beyond it"
            )
    return found


def _unknown_views(table: Table) -> list[str]:
    """Return one sentence about each word of column view that names no view."""
    lines: dict[str, list[int]] = {}
    for row, line in zip(table.rows, table.lines, strict=True):
        cell = row.get("view", "")
        if cell not in MISSING and views.problem(cell):
            lines.setdefault(cell, []).append(line)
    return [
        f"{table.name}, line{'s' if where[1:] else ''} {_listed(where)}, column 'view': "
        f"{views.problem(word)}"
        for word, where in lines.items()
    ]


def _listed(lines: list[int]) -> str:
    more = f" and {len(lines) - _MOST_LINES} more" if len(lines) > _MOST_LINES else ""
    return ", ".join(map(str, lines[:_MOST_LINES])) + more


def _number(cell: str | None) -> float:
    """Return a cell's number; what is none is told elsewhere, and NaN is not above anything."""
    return float(cell) if cell and NUMBER.fullmatch(cell) else math.nan


def _of_region(row: dict[str, str]) -> Iterator[str]:
    given = [name for name in BOX if row.get(name)]
    file = row.get("roi_path", "")
    if file and given:
        yield "column 'roi_path': a file and a box are given; leave one of them empty"
    elif given and len(given) < len(BOX):
        absent = next(name for name in BOX if name not in given)
        yield f"column {absent!r}: is empty; a box needs x0, y0, x1 and y1"
    elif not file and not given:
        yield "column 'x0': gives no ROI; fill in x0, y0, x1 and y1, or roi_path"
