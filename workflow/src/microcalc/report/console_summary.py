"""The headline as a Markdown table: what the console prints when a study is done."""

from collections.abc import Sequence

from microcalc.config.study_config import StudyConfig
from microcalc.report import limitations
from microcalc.report.findings import Finding
from microcalc.report.grid import Table
from microcalc.report.study import Files, Study
from microcalc.report.tables.performance_tables import performance


def build(files: Files, *, config: StudyConfig) -> str:
    """Return how each model did on each set, and all that the report warns of, as Markdown.

    Parameters
    ----------
    files
        As for `page.build`; `metrics` is needed.
    config
        The whole config, defaults filled in.
    """
    study = Study.read(files, config=config)
    limits = ", ".join(finding.title.lower() for finding in limitations.nature(study))
    table = performance(study)
    heading = f"Study {config.study}" + (f" ({limits})" if limits else "")
    warned = before_you_read(limitations.warnings(study))
    return f"{heading}\n\n{markdown(table)}\n\n{table.note}\n\n{warned}\n"


def before_you_read(found: Sequence[Finding]) -> str:
    """Return warnings and notes as a list in Markdown, or that there are none.

    Examples
    --------
    >>> from microcalc.report import console_summary
    >>> from microcalc.report.findings import Finding
    >>> print(console_summary.before_you_read([Finding("note", "Not as published", "One is.")]))
    Before you read:
    <BLANKLINE>
    - NOTE: Not as published. One is.
    """
    if not found:
        return "The run gave no warnings."
    lines = [f"- {finding.kind.upper()}: {finding.title}. {finding.text}" for finding in found]
    return "\n".join(["Before you read:", "", *lines])


def markdown(table: Table) -> str:
    """Return a table in Markdown, its columns aligned so that it reads well as it stands.

    Its note and its headings over several columns are left out.

    Examples
    --------
    >>> from microcalc.report import console_summary
    >>> from microcalc.report.grid import Row, Table
    >>> rows = Row(("Training",), "group"), Row(("Deep", "0.81"))
    >>> print(console_summary.markdown(Table(("Model", "AUC"), rows)))
    | Model        | AUC  |
    |--------------|------|
    | **Training** |      |
    | Deep         | 0.81 |
    """
    body = [list(table.columns)]
    for row in table.rows:
        first = f"**{row.cells[0]}**" if row.kind == "group" else row.cells[0]
        rest = [""] * (len(table.columns) - 1) if row.kind == "group" else list(row.cells[1:])
        body.append([first, *rest])
    widths = [max(len(line[i]) for line in body) for i in range(len(table.columns))]
    padded = [
        "".join(f"| {cell:<{width}} " for cell, width in zip(line, widths, strict=True)) + "|"
        for line in body
    ]
    padded.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(padded)
