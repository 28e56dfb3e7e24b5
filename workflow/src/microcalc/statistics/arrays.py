"""The one check that every statistic puts its outcome and its scores through."""

from typing import Any

import numpy as np
import numpy.typing as npt

from microcalc.core.errors import StudyError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def outcome(y: npt.ArrayLike) -> Bools:
    """Return `y` as a boolean vector, True for the positive class.

    Parameters
    ----------
    y
        0 or 1 (False or True), shape (n,).

    Returns
    -------
    numpy.ndarray
        Bool, shape (n,).

    Raises
    ------
    StudyError
        When `y` is empty, is not one-dimensional or holds anything but 0 and 1.

    Examples
    --------
    >>> from microcalc.statistics import arrays
    >>> arrays.outcome([0, 1, 1])
    array([False,  True,  True])
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

    Parameters
    ----------
    values
        Numbers, shape (n,).
    n
        How many there must be.
    name
        What an error calls them.

    Returns
    -------
    numpy.ndarray
        Float64, shape (n,).

    Raises
    ------
    StudyError
        When there are not n of them or one is missing (NaN).

    Examples
    --------
    >>> from microcalc.statistics import arrays
    >>> arrays.scores([1, 2.5], n=2)
    array([1. , 2.5])
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

    Parameters
    ----------
    values
        Probabilities, shape (n,).
    n, name
        As for `scores`.

    Returns
    -------
    numpy.ndarray
        Float64, shape (n,).

    Raises
    ------
    StudyError
        As `scores`, and when one lies outside [0, 1].

    Examples
    --------
    >>> from microcalc.statistics import arrays
    >>> arrays.probabilities([0, 0.4], n=2)
    array([0. , 0.4])
    """
    array = scores(values, n=n, name=name)
    outside = (array < 0) | (array > 1)
    if outside.any():
        at = int(np.flatnonzero(outside)[0])
        raise StudyError(f"{name} is {array[at]} at position {at}; expected a value in [0, 1]")
    return array


def both_classes(positive: Bools) -> tuple[int, int]:
    """Return how many cases are positive and how many negative.

    Parameters
    ----------
    positive
        Bool, shape (n,), from `outcome`.

    Returns
    -------
    n_pos, n_neg : int
        Both above 0.

    Raises
    ------
    StudyError
        When one class has no case.

    Examples
    --------
    >>> from microcalc.statistics import arrays
    >>> arrays.both_classes(arrays.outcome([0, 1, 1]))
    (2, 1)
    """
    n_pos = int(positive.sum())
    n_neg = int(positive.size - n_pos)
    if not n_pos or not n_neg:
        raise StudyError(
            f"there are {n_pos} positive and {n_neg} negative cases; both classes are needed"
        )
    return n_pos, n_neg


def check_confidence(confidence: float) -> float:
    """Return `confidence` when it can be the coverage of an interval.

    Parameters
    ----------
    confidence
        A fraction.

    Returns
    -------
    float
        The same.

    Raises
    ------
    StudyError
        When it is not strictly between 0 and 1 (95 instead of 0.95, say).

    Examples
    --------
    >>> from microcalc.statistics import arrays
    >>> arrays.check_confidence(0.95)
    0.95
    """
    if not 0 < confidence < 1:
        raise StudyError(f"confidence is {confidence}; expected a fraction such as 0.95")
    return confidence


def column(table: Any, name: str) -> Any:
    """Return a table's column.

    Parameters
    ----------
    table
        A pandas data frame.
    name
        The column's.

    Returns
    -------
    pandas.Series
        Shape (n,).

    Raises
    ------
    StudyError
        When there is none of this name; the message lists those there are.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from microcalc.statistics import arrays
    >>> arrays.column(SimpleNamespace(columns=["y", "age"]), "ages")
    Traceback (most recent call last):
        ...
    microcalc.core.errors.StudyError: there is no column 'ages'; the table has y, age
    """
    if name not in table.columns:
        raise StudyError(f"there is no column {name!r}; the table has {', '.join(table.columns)}")
    return table[name]
