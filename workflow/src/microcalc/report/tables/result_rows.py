"""Rows of a table of results: which set they are of, and cells that several tables have."""

from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from microcalc.figures.number_format import split_label
from microcalc.report import format as fmt
from microcalc.report.study import Study

if TYPE_CHECKING:
    import pandas as pd

KINDS = {"out_of_fold": "out-of-fold", "held_out": ""}


def set_label(split: str, kind: str) -> str:
    """Return a set and how its cases were predicted.

    Examples
    --------
    >>> from microcalc.report.tables import result_rows
    >>> result_rows.set_label("train", "out_of_fold"), result_rows.set_label("internal", "held_out")
    ('Training, out-of-fold', 'Internal validation')
    """
    how = KINDS.get(kind, kind)
    return split_label(split) + (f", {how}" if how else "")


def set_heading(study: Study, split: str, kind: str, sizes: tuple[int, int]) -> str:
    """Return the heading of a set with its cases: `Training, apparent (45 DCIS, 80 IDC)`.

    Parameters
    ----------
    study
        Whose classes have names.
    split, kind
        The set, and how its cases were predicted.
    sizes
        Number of negative and of positive cases.
    """
    return f"{set_label(split, kind)} ({fmt.counts(*sizes, study.labels)})"


def sets(study: Study, name: str) -> "Iterator[tuple[str, pd.DataFrame]]":
    """Yield (heading, rows) of each set that a table holds, apparent training left out.

    Parameters
    ----------
    study
        The results; the heading has the cases of each class, by `metrics`.
    name
        A table with the columns `split` and `kind`. One with `model` is put in the config's order.
    """
    table = study.tables[name]
    order = {model: place for place, model in enumerate(study.config.models)}
    if "model" in table:
        table = table.sort_values("model", key=lambda models: models.map(order), kind="stable")
    for split in study.splits:
        for kind in ("held_out", "recalibrated", "out_of_fold"):
            rows = table[(table["split"] == split) & (table["kind"] == kind)]
            if len(rows):
                yield set_heading(study, split, kind, study.sizes(split)), rows


def sizes_in(rows: "pd.DataFrame") -> tuple[int, int]:
    """Return the negative and positive cases of a set: `n_neg` and `n_pos` of the first row."""
    return int(rows["n_neg"].iloc[0]), int(rows["n_pos"].iloc[0])


def estimate_of(line: Mapping[Hashable, Any], name: str) -> str:
    """Return an estimate with its interval, or alone where a row has none.

    Parameters
    ----------
    line
        A row with the columns <name>, <name>_low and <name>_high.
    name
        Of the estimate.

    Examples
    --------
    >>> from microcalc.report.tables import result_rows
    >>> result_rows.estimate_of({"oe": 1.1, "oe_low": 0.9, "oe_high": 1.3}, "oe")
    '1.10 (0.90–1.30)'
    """
    value, low, high = (line[f"{name}{bound}"] for bound in ("", "_low", "_high"))
    return fmt.number(value) if fmt.missing(low) else fmt.estimate(value, low, high)
