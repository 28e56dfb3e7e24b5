"""The register of predictions: what was predicted when, added to and never changed.

Each row's `chain` digests the row and the chain of the row before it. Whoever keeps the last
chain, in a letter or a registry, can show later that no row up to it was changed.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from microcalc.core import spreadsheet
from microcalc.core.errors import StudyError
from microcalc.core.files import digest_value, write_csv

COLUMNS = (
    "case_id", "model", "probability", "threshold", "called", "predicted_at", "label_known",
    "made_from", "chain",
)  # fmt: skip
START = "0" * 64

Place = str | os.PathLike[str]
Row = Mapping[Any, Any]


def read(path: Place) -> pd.DataFrame:
    """Return the register of predictions, every row of it checked.

    Parameters
    ----------
    path
        The register.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, text but for probability and threshold; empty where there is no file.

    Raises
    ------
    StudyError
        When the file is no register, or a row was changed, taken out or put in by anything but
        `add`.
    """
    if not Path(path).exists():
        return pd.DataFrame(columns=list(COLUMNS), dtype=object)
    table = pd.read_csv(path, dtype=str, keep_default_na=False).map(spreadsheet.meant)
    if tuple(table.columns) != COLUMNS:
        raise StudyError(
            f"{path}: not a register of predictions; its columns are not {', '.join(COLUMNS)}"
        )
    for name in ("probability", "threshold"):
        table[name] = [float(text) for text in table[name]]
    before = START
    for line, row in enumerate(table.to_dict("records"), start=2):
        if row["chain"] != _chain(before, row):
            raise StudyError(
                f"{path}, line {line}: the register was changed after it was written, so that it "
                "proves nothing; restore it, or predict anew under another study=<name>"
            )
        before = row["chain"]
    return table


def add(
    path: Place, predicted: pd.DataFrame, labelled: Iterable[str], *, now: datetime | None = None
) -> None:
    """Add the predictions that are not in the register yet, with the time and a chained digest.

    Parameters
    ----------
    path
        The register; made when it is not there.
    predicted
        case_id, model, probability, threshold, called, made_from (a digest of all the prediction
        depends on).
    labelled
        The cases whose label stands in the case table now.
    now
        The time to write; the clock's by default.

    Raises
    ------
    StudyError
        Listing the cases that stand in the register already and were predicted from other data
        or by another model; or as `read` does. The register stays as it is.
    """
    known = read(path)
    stands = known.set_index(["case_id", "model"])["made_from"].to_dict()
    rows = predicted.to_dict("records")
    changed = sorted(
        {
            f"case {row['case_id']}, model {row['model']}"
            for row in rows
            if stands.get((row["case_id"], row["model"]), row["made_from"]) != row["made_from"]
        }
    )
    if changed:
        raise StudyError.listing(
            f"{path}: these predictions stand already and would now be made from another image, "
            "other clinical values or another model. What was predicted first stays: undo the "
            "change, give a corrected case a new case_id, or predict anew under another "
            "study=<name>",
            changed,
        )
    new = [row for row in rows if (row["case_id"], row["model"]) not in stands]
    if new or not len(known):
        stood = known.to_dict("records")
        entries = [*stood, *_chained(stood, new, set(labelled), now or datetime.now(UTC))]
        write_csv(pd.DataFrame(entries, columns=list(COLUMNS)), path)


def _chained(
    stood: Sequence[Row], new: Sequence[Row], labelled: set[str], now: datetime
) -> Iterator[Row]:
    before = stood[-1]["chain"] if stood else START
    for row in new:
        known = "yes" if row["case_id"] in labelled else "no"
        entry = {
            **{name: row[name] for name in COLUMNS if name in row},
            "predicted_at": now.isoformat(timespec="seconds"),
            "label_known": known,
        }
        before = _chain(before, entry)
        yield {**entry, "chain": before}


def _chain(before: str, row: Row) -> str:
    return digest_value([before, *(row[name] for name in COLUMNS[:-1])])
