"""The one check that every statistic puts its outcome and its scores through."""

from typing import Any

import numpy as np
import numpy.typing as npt

from microcalc.core.errors import StudyError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def outcome(y: npt.ArrayLike) -> Bools:
    """Return `y` as a boolean vector, True for the positive class.

    Raises
    ------
    StudyError
        When `y` is empty, is not one-dimensional or holds anything but 0 and 1.
    """
    values = np.asarray(y)
    if values.ndim != 1 or values.size == 0:
        raise StudyError(
            f"the outcome y has shape {values.shape}; expected one value per case, at least one"
        )
    if values.dtype == np.bool_:
        return values.astype(np.bool_)
    wrong = ~np.isin(values, (0, 1))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise StudyError(
            f"the outcome y is {values[at]!r} at position {at}; expected 0 (negative) or 1 "
            "(positive) for every case"
        )
    return np.asarray(values == 1, dtype=np.bool_)


def scores(values: npt.ArrayLike, *, n: int, name: str = "score") -> Floats:
    """Return `values` as n float64 numbers; infinities are allowed, they have a rank.

    Raises
    ------
    StudyError
        When there are not n of them or one is missing (NaN).
    """
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (n,):
        raise StudyError(f"{name} has shape {array.shape}; expected one value for each of {n} y")
    missing = np.isnan(array)
    if missing.any():
        raise StudyError(
            f"{name} is missing (NaN) for {int(missing.sum())} of {n} cases, first at position "
            f"{int(np.flatnonzero(missing)[0])}; leave those cases out before the comparison"
        )
    return array


def probabilities(values: npt.ArrayLike, *, n: int, name: str = "probability") -> Floats:
    """Return `values` as n numbers in [0, 1].

    Raises
    ------
    StudyError
        As `scores`, and when one lies outside [0, 1].
    """
    array = scores(values, n=n, name=name)
    outside = (array < 0) | (array > 1)
    if outside.any():
        at = int(np.flatnonzero(outside)[0])
        raise StudyError(f"{name} is {array[at]} at position {at}; expected a value in [0, 1]")
    return array


def both_classes(positive: Bools) -> tuple[int, int]:
    """Return (n_pos, n_neg).

    Raises
    ------
    StudyError
        When one class has no case.
    """
    n_pos = int(positive.sum())
    n_neg = int(positive.size - n_pos)
    if not n_pos or not n_neg:
        raise StudyError(
            f"there are {n_pos} positive and {n_neg} negative cases; both classes are needed"
        )
    return n_pos, n_neg


def check_confidence(confidence: float) -> float:
    """Return `confidence`.

    Raises
    ------
    StudyError
        When it is not strictly between 0 and 1 (95 instead of 0.95, say).
    """
    if not 0 < confidence < 1:
        raise StudyError(f"confidence is {confidence}; expected a fraction such as 0.95")
    return confidence


def column(table: Any, name: str) -> Any:
    """Return a table's column.

    Raises
    ------
    StudyError
        When there is none of this name; the message lists those there are.
    """
    if name not in table.columns:
        raise StudyError(f"there is no column {name!r}; the table has {', '.join(table.columns)}")
    return table[name]
