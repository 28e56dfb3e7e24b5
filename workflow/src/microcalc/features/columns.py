"""Names of columns: which of a table's columns are features, and what each is called."""

from collections import Counter
from collections.abc import Iterable, Sequence

from microcalc.config.column_names import BESIDE_FEATURES
from microcalc.core.errors import StudyError


def feature_names(columns: Iterable[str]) -> tuple[str, ...]:
    """Return those of a table's columns that are features, in their order.

    Parameters
    ----------
    columns
        Columns of a table of cases.

    Examples
    --------
    >>> from microcalc.features import columns
    >>> columns.feature_names(["case_id", "n_views", "deep_0000", "deep_0001"])
    ('deep_0000', 'deep_0001')
    """
    return tuple(name for name in columns if name not in BESIDE_FEATURES)


def of_set(name: str, columns: Sequence[str]) -> list[str]:
    """Return what the columns of a set are called in every table of cases: deep_0000, ...

    Parameters
    ----------
    name
        The set's row of the config's `features`.
    columns
        What its kind calls them.

    Raises
    ------
    StudyError
        When two are called the same, or one as a column that is no feature.

    Examples
    --------
    >>> from microcalc.features import columns
    >>> columns.of_set("calcifications", ["count", "spread_mm"])
    ['calcifications_count', 'calcifications_spread_mm']
    """
    found = [f"{name}_{column}" for column in columns]
    times = Counter(found)
    wrong = sorted(column for column in times if times[column] > 1 or column in BESIDE_FEATURES)
    if wrong:
        raise StudyError.listing(
            f"features.{name}: these columns are there twice, or called as one that is no feature:",
            wrong,
        )
    return found


def numbered(n: int) -> list[str]:
    """Return the names of `n` columns that have none of their own.

    Examples
    --------
    >>> from microcalc.features import columns
    >>> columns.of_set("deep", columns.numbered(2))
    ['deep_0000', 'deep_0001']
    """
    return [f"{i:04d}" for i in range(n)]
