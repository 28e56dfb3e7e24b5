"""Numbers as journals print them: one place for digits, dashes and P values."""

import math
from typing import Any

from microcalc.figures.words import counts, estimate, interval, number

__all__ = [
    "count",
    "counts",
    "estimate",
    "interval",
    "missing",
    "number",
    "p_value",
    "percent",
    "utc",
]

NOT_AVAILABLE = "NA"


def missing(value: Any) -> bool:
    """Return whether a table's cell is empty."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def count(value: Any) -> str:
    """Return a whole number with a comma between thousands: `2,048`."""
    return NOT_AVAILABLE if missing(value) else f"{int(value):,}"


def utc(stamp: str) -> str:
    """Return a time stamp in universal time as people write it: `2026-03-02 09:30:00`."""
    return str(stamp).replace("T", " ").removesuffix("+00:00")


def percent(value: float, digits: int = 0) -> str:
    """Return a share as a percentage, without its sign: .8125 → `81`."""
    return NOT_AVAILABLE if missing(value) else number(100 * value, digits)


def p_value(p: float, *, equals: bool = False) -> str:
    """Return a P value as *Radiology* prints it: no leading zero, never rounded across .05.

    Parameters
    ----------
    p
        Between 0 and 1; missing gives `NA`.
    equals
        Whether to write the relation too, for sentences: `= .03`, `< .001`, `> .99`.

    Notes
    -----
    Two decimals; three below .01 and wherever two would move a P value across .05. Below
    .001 and above .99 only the bound is given.
    """
    if missing(p):
        return f"= {NOT_AVAILABLE}" if equals else NOT_AVAILABLE
    if p < 0.001:
        return "< .001"
    if p > 0.99:
        return "> .99"
    digits = 2
    if p < 0.01 or (p < 0.05) != (float(f"{p:.2f}") < 0.05):
        digits = 3
    # .0496 is .050 at three digits too, and it is below .05
    while (p < 0.05) != (float(f"{p:.{digits}f}") < 0.05):
        digits += 1
    text = f"{p:.{digits}f}".removeprefix("0")
    return f"= {text}" if equals else text
