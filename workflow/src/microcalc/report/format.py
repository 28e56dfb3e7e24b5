"""Numbers as journals print them: one place for digits, dashes and P values."""

import math
from collections.abc import Sequence
from typing import Any

from microcalc.figures import number_format
from microcalc.figures.number_format import counts, estimate, interval, number, ratio

__all__ = [
    "count", "counts", "difference", "estimate", "interval", "joined", "missing", "number",
    "p_value", "percent", "plain", "ratio", "utc",
]  # fmt: skip

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


def plain(value: float) -> str:
    """Return a number given by the user without its leading zero: 0.05 → `.05`."""
    return f"{value:g}".removeprefix("0")


def joined(parts: Sequence[str], *, apart: str = ",") -> str:
    """Return `a, b and c`; parts that hold commas are set apart otherwise: `a; b; and c`."""
    last = " and " if apart == "," else f"{apart} and "
    return last.join([f"{apart} ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def difference(value: float, low: float, high: float) -> str:
    """Return a difference with its interval; three decimals where two would move a bound to 0."""
    ends = (value, low, high)
    close = any(end != 0 and abs(end) < 0.005 for end in ends if not missing(end))
    return estimate(*ends, digits=3 if close else 2)


def percent(value: float, digits: int = 0) -> str:
    """Return a share as a percentage, without its sign: .8125 → `81`."""
    return NOT_AVAILABLE if missing(value) else number(100 * value, digits)


def p_value(p: float, *, equals: bool = False, otherwise: str = NOT_AVAILABLE) -> str:
    """Return a P value, see `words.p_value`; a missing one gives `otherwise`."""
    return otherwise if missing(p) else number_format.p_value(p, equals=equals)
