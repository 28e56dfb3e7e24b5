"""Numbers as journals print them: one place for digits, dashes and P values.

A minus sign is U+2212 and an interval's dash U+2013; a missing number is `NA`. See also
`figures.number_format`, from which texts inside figures come.
"""

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
    """Return whether a table's cell is empty: None, an empty text or NaN.

    Examples
    --------
    >>> from microcalc.report import format as fmt
    >>> fmt.missing(float("nan")), fmt.missing(""), fmt.missing(0)
    (True, True, False)
    """
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def count(value: Any) -> str:
    """Return a whole number with a comma between thousands; `NA` where it is missing.

    Examples
    --------
    >>> from microcalc.report import format as fmt
    >>> fmt.count(2048.0), fmt.count(None)
    ('2,048', 'NA')
    """
    return NOT_AVAILABLE if missing(value) else f"{int(value):,}"


def utc(stamp: str) -> str:
    """Return an ISO 8601 time stamp in universal time as people write it, without its offset.

    Examples
    --------
    >>> from microcalc.report import format as fmt
    >>> fmt.utc("2026-03-02T09:30:00+00:00")
    '2026-03-02 09:30:00'
    """
    return str(stamp).replace("T", " ").removesuffix("+00:00")


def plain(value: float) -> str:
    """Return a number below 1 that the user gave, in its own digits and without its leading zero.

    Examples
    --------
    >>> from microcalc.report import format as fmt
    >>> fmt.plain(0.05)
    '.05'
    """
    return f"{value:g}".removeprefix("0")


def joined(parts: Sequence[str], *, apart: str = ",") -> str:
    """Return parts as a list inside a sentence, the last two joined by `and`.

    Parameters
    ----------
    parts
        In order; none give an empty text.
    apart
        What sets them apart. Anything but a comma, for parts that hold commas, stands before the
        `and` too.

    Examples
    --------
    >>> from microcalc.report import format as fmt
    >>> fmt.joined(["a", "b", "c"])
    'a, b and c'
    >>> fmt.joined(["a, 1", "b, 2"], apart=";")
    'a, 1; and b, 2'
    """
    last = " and " if apart == "," else f"{apart} and "
    return last.join([f"{apart} ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def difference(value: float, low: float, high: float) -> str:
    """Return a difference with its interval; three decimals where two would move a bound to 0.

    Parameters
    ----------
    value, low, high
        The difference and its bounds, in the unit of the measure; NaN where undetermined.

    Examples
    --------
    >>> from microcalc.report import format as fmt
    >>> fmt.difference(0.05, 0.01, 0.09), fmt.difference(0.05, -0.004, 0.1)
    ('0.05 (0.01–0.09)', '0.050 (−0.004 to 0.100)')
    """
    ends = (value, low, high)
    close = any(end != 0 and abs(end) < 0.005 for end in ends if not missing(end))
    return estimate(*ends, digits=3 if close else 2)


def percent(value: float, digits: int = 0) -> str:
    """Return a share (0 to 1) as a percentage, without its sign; `NA` where it is missing.

    Examples
    --------
    >>> from microcalc.report import format as fmt
    >>> fmt.percent(0.8125), fmt.percent(0.8125, digits=1)
    ('81', '81.2')
    """
    return NOT_AVAILABLE if missing(value) else number(100 * value, digits)


def p_value(p: float, *, equals: bool = False, otherwise: str = NOT_AVAILABLE) -> str:
    """Return a P value, see `number_format.p_value`.

    Parameters
    ----------
    p
        Between 0 and 1, or missing.
    equals
        Whether to write the relation too, for sentences.
    otherwise
        What a missing one gives.

    Examples
    --------
    >>> from microcalc.report import format as fmt
    >>> fmt.p_value(0.0314), fmt.p_value(0.0314, equals=True)
    ('.03', '= .03')
    >>> fmt.p_value(float("nan"), otherwise="undetermined")
    'undetermined'
    """
    return otherwise if missing(p) else number_format.p_value(p, equals=equals)
