"""Cells that a spreadsheet would run as a formula, kept as the text they are.

Tables here are opened in Excel and LibreOffice, which compute a cell that begins with =, +, - or
@; an apostrophe before it keeps it text. A sign alone and a number are left as they are.

Examples
--------
>>> from microcalc.core import spreadsheet
>>> [spreadsheet.neutral(cell) for cell in ("=SUM(A1)", "-0.5", "-", "IDC")]
["'=SUM(A1)", '-0.5', '-', 'IDC']
>>> spreadsheet.meant("'=SUM(A1)")
'=SUM(A1)'
"""

import re
from collections.abc import Iterable

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
"""What a cell of a user's table says that is a number."""

_FORMULA = re.compile(r"'*[=+\-@\t\r].+", re.DOTALL)
_NEUTRAL = re.compile(r"'+[=+\-@\t\r].+", re.DOTALL)


def neutral(cell: str) -> str:
    """Return a cell as it is written, so that no spreadsheet computes it."""
    harmless = NUMBER.fullmatch(cell) or not _FORMULA.fullmatch(cell)
    return cell if harmless else f"'{cell}"


def meant(cell: str) -> str:
    """Return what a written cell means: `neutral` undone."""
    return cell[1:] if _NEUTRAL.fullmatch(cell) else cell


def meant_rows(rows: Iterable[list[str]], text: str) -> Iterable[list[str]]:
    """Return the rows of a table with every cell as meant.

    Hardly a table has such a cell, and a large one is read in seconds: it is looked for once.

    Parameters
    ----------
    rows
        Cells as they were written.
    text
        The whole table's, in which such a cell is looked for.
    """
    if not re.search(r"'[=+\-@\t\r]", text):
        return rows
    return (list(map(meant, cells)) for cells in rows)
