"""A finding: one thing that a reader must know before the first number."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing to know: a short name and one to three sentences."""

    kind: Literal["limit", "warning", "note"]
    title: str
    text: str


def told(findings: Iterable[Finding]) -> str:
    """Return the titles in a sentence's order: what a checklist has room for."""
    return "; ".join(finding.title for finding in findings)
