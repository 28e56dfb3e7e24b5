"""A finding: one thing that a reader must know before the first number."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing to know: a short name and one to three sentences.

    Attributes
    ----------
    kind
        `limit` of the whole study, `warning` of this run's results, or `note`.
    title
        Its name, without a full stop.
    text
        The sentences, plain text.
    """

    kind: Literal["limit", "warning", "note"]
    title: str
    text: str


def told(findings: Iterable[Finding]) -> str:
    """Return the titles in one line, set apart by semicolons: what a checklist has room for.

    Examples
    --------
    >>> from microcalc.report.findings import Finding, told
    >>> told([Finding("warning", "AUC undefined", "…"), Finding("note", "Not as published", "…")])
    'AUC undefined; Not as published'
    """
    return "; ".join(finding.title for finding in findings)
