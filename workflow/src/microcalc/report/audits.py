"""Findings of the tables of `evaluation/`: what a reader must know before the first number.

A table's verdict turns its rows into findings (see `table_registry`); the page, the console's last
lines, the manuscript and the checklists all say what `of_tables` returns. Equal findings of many
models and sets are one finding.
"""

from collections.abc import Mapping

from microcalc.report import table_registry
from microcalc.report.findings import Finding
from microcalc.report.verdicts.row_text import Rows


def of_tables(tables: Mapping[str, Rows]) -> list[Finding]:
    """Return what the tables say, warnings before notes.

    Parameters
    ----------
    tables
        Rows by name of the table; a table that is absent or has no row says nothing. A cell may
        be a number, text, empty or NaN; a column may be missing.
    """
    found = [
        finding for name, verdict in table_registry.verdicts().items() if tables.get(name)
        for finding in verdict(tables[name])
    ]  # fmt: skip
    return sorted(found, key=lambda finding: finding.kind != "warning")
