"""A table for people: rows of text, the same for HTML, Word and LaTeX."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Row:
    """One line: its cells, or a heading over the lines below it (`group`, a single cell).

    A `level` row belongs to the row above and is indented.

    Attributes
    ----------
    cells
        Plain text, as many as the table has columns.
    kind
        `body`, `group` or `level`.
    """

    cells: tuple[str, ...]
    kind: Literal["body", "group", "level"] = "body"


@dataclass(frozen=True)
class Table:
    """A table for people.

    Attributes
    ----------
    columns
        Headings; the first column names the row.
    rows
        Every body row has as many cells as there are columns.
    note
        One sentence to stand under the table, or nothing.
    spans
        Headings over several columns each, as (text, number of columns), or nothing.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""
    spans: tuple[tuple[str, int], ...] = ()
