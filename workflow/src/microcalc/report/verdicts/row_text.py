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
    """Return one finding that lists rows; none where there is no row.

    Parameters
    ----------
    kind, title
        Of the finding.
    text
        Its text, in which {} stands for the list.
    rows
        What is listed, see `listed`.
    each
        Returns what the list says of a row; what it says twice stands once.

    Examples
    --------
    >>> from microcalc.report.verdicts import row_text
    >>> rows = [{"model": "deep"}, {"model": "combined"}]
    >>> (found,) = row_text.listing("note", "Slow", "Slow are {}.", rows, row_text.the_model)
    >>> found.text
    'Slow are the deep model; the combined model.'
    """
    if not rows:
        return []
    return [Finding(kind, title, text.format(listed(dict.fromkeys(map(each, rows)))))]


def validation(rows: Rows) -> list[Row]:
    """Return the rows of validation sets: those of kind `held_out` or `recalibrated`."""
    return [row for row in rows if text_in(row, "kind") in VALIDATION]


def number_in(row: Row, name: str) -> float | None:
    """Return a cell's number; None where it is missing, NaN or no number.

    Examples
    --------
    >>> from microcalc.report.verdicts import row_text
    >>> row_text.number_in({"auc": "0.81"}, "auc"), row_text.number_in({"auc": ""}, "auc")
    (0.81, None)
    """
    try:
        value = float(row[name])
    except (KeyError, TypeError, ValueError):
        return None
    return None if math.isnan(value) else value


def known(row: Row, name: str) -> float:
    """Return a cell's number, NaN where `number_in` has none: no comparison with it holds."""
    value = number_in(row, name)
    return math.nan if value is None else value


def text_in(row: Row, name: str) -> str:
    """Return a cell's text; empty where it is missing or NaN."""
    value = row.get(name, "")
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else str(value)


def estimate_in(row: Row, *names: str) -> str:
    """Return an estimate with its interval from three cells: estimate, lower and upper bound.

    Examples
    --------
    >>> from microcalc.report.verdicts import row_text
    >>> row = {"auc": 0.81, "auc_low": 0.74, "auc_high": 0.88}
    >>> row_text.estimate_in(row, "auc", "auc_low", "auc_high")
    '0.81 (0.74–0.88)'
    """
    value, low, high = (known(row, name) for name in names)
    return estimate(value, low, high)


def difference_in(row: Row) -> str:
    """Return a difference of AUCs with its interval, from `delta`, `delta_low` and `delta_high`."""
    return estimate_in(row, "delta", "delta_low", "delta_high")


def p_in(row: Row, name: str) -> str:
    """Return a cell's P value with its relation, for sentences: `= .03`, `< .001`."""
    return p_value(known(row, name), equals=True)


def the_model(row: Row) -> str:
    """Return a row's model inside a sentence: `the deep model`."""
    return f"the {model_label(text_in(row, 'model')).lower()} model"


def model_in_set(row: Row) -> str:
    """Return a row's model and set inside a sentence.

    Examples
    --------
    >>> from microcalc.report.verdicts import row_text
    >>> row_text.model_in_set({"model": "deep", "split": "internal", "kind": "recalibrated"})
    'the deep model, recalibrated in internal validation'
    """
    recalibrated = ", recalibrated" if text_in(row, "kind") == "recalibrated" else ""
    return f"{the_model(row)}{recalibrated} in {split_label(text_in(row, 'split')).lower()}"


def pair_in_set(row: Row) -> str:
    """Return the two models and the set of a row that compares models, inside a sentence.

    Examples
    --------
    >>> from microcalc.report.verdicts import row_text
    >>> row_text.pair_in_set({"model_a": "deep", "model_b": "clinical", "split": "external"})
    'deep against clinical in external validation'
    """
    a, b = (model_label(text_in(row, name)).lower() for name in ("model_a", "model_b"))
    figure = f" ({text_in(row, 'figure')})" if text_in(row, "figure") else ""
    return f"{a} against {b}{figure} in {split_label(text_in(row, 'split')).lower()}"


def listed(parts: Iterable[str]) -> str:
    """Return the first `SHOWN` parts, and how many more there are.

    Examples
    --------
    >>> from microcalc.report.verdicts import row_text
    >>> row_text.listed("abcdefgh")
    'a; b; c; d; e; f; and 2 more'
    """
    every = list(parts)
    more = f"; and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return "; ".join(every[:SHOWN]) + more
