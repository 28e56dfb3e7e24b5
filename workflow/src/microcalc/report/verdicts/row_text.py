"""Cells of result tables in a sentence, and findings that list rows."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from microcalc.figures.number_format import estimate, p_value, split_label
from microcalc.figures.number_format import label as model_label
from microcalc.report.findings import Finding

Row = Mapping[str, Any]
"""Cells are numbers, text, empty or NaN; a column may be absent."""
Rows = Sequence[Row]

VALIDATION = ("held_out", "recalibrated")
SHOWN = 6
CHANCE = 0.5


def listing(
    kind: Literal["warning", "note"],
    title: str,
    text: str,
    rows: Rows,
    each: Callable[[Row], str],
) -> list[Finding]:
    """Return one finding, `text` with `each` row where it says {}; none where there is no row."""
    if not rows:
        return []
    return [Finding(kind, title, text.format(listed(dict.fromkeys(map(each, rows)))))]


def validation(rows: Rows) -> list[Row]:
    """Return the rows of validation sets."""
    return [row for row in rows if text_in(row, "kind") in VALIDATION]


def number_in(row: Row, name: str) -> float | None:
    """Return a cell's number, None where it has none."""
    try:
        value = float(row[name])
    except (KeyError, TypeError, ValueError):
        return None
    return None if math.isnan(value) else value


def known(row: Row, name: str) -> float:
    """Return a cell's number, NaN where it has none."""
    value = number_in(row, name)
    return math.nan if value is None else value


def text_in(row: Row, name: str) -> str:
    """Return a cell's text, empty where it is missing."""
    value = row.get(name, "")
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else str(value)


def estimate_in(row: Row, *names: str) -> str:
    """Return an estimate with its interval from three cells."""
    value, low, high = (known(row, name) for name in names)
    return estimate(value, low, high)


def difference_in(row: Row) -> str:
    """Return a difference of AUCs with its interval."""
    return estimate_in(row, "delta", "delta_low", "delta_high")


def p_in(row: Row, name: str) -> str:
    """Return a P value with its sign: `= .03`, `< .001`."""
    return p_value(known(row, name), equals=True)


def the_model(row: Row) -> str:
    """Return `the deep model`."""
    return f"the {model_label(text_in(row, 'model')).lower()} model"


def model_in_set(row: Row) -> str:
    """Return `the deep model in internal validation`."""
    recalibrated = ", recalibrated" if text_in(row, "kind") == "recalibrated" else ""
    return f"{the_model(row)}{recalibrated} in {split_label(text_in(row, 'split')).lower()}"


def pair_in_set(row: Row) -> str:
    """Return `deep against clinical in internal validation`."""
    a, b = (model_label(text_in(row, name)).lower() for name in ("model_a", "model_b"))
    figure = f" ({text_in(row, 'figure')})" if text_in(row, "figure") else ""
    return f"{a} against {b}{figure} in {split_label(text_in(row, 'split')).lower()}"


def listed(parts: Iterable[str]) -> str:
    """Return the first few, and how many more there are."""
    every = list(parts)
    more = f"; and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return "; ".join(every[:SHOWN]) + more
