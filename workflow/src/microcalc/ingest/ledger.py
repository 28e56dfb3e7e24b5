"""The book that an ingest keeps: no row of the source is forgotten."""

import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from microcalc.core.errors import StudyError
from microcalc.core.files import named_when_damaged
from microcalc.core.table_reader import Table, read_table
from microcalc.ingest.record import Case, Image, NotTakenError, Place, Record

Row = dict[str, str]


class Ledger:
    """What became of every row of a collection: it is taken or left, and none is forgotten.

    Parameters
    ----------
    folder
        The collection's folder.

    Examples
    --------
    >>> from pathlib import Path
    >>> from microcalc.ingest.ledger import Ledger
    >>> from microcalc.ingest.record import Case, NotTakenError, Place
    >>> ledger, table = Ledger(Path("CMMD")), "findings.csv"
    >>> ledger.take(Place(table, "line 2"), Case("C001", "P001", "CMMD", label="malignant"))
    >>> with ledger.entry(Place(table, "line 3")):
    ...     raise NotTakenError("no pathology")
    >>> [record.reason or record.case.case_id for record in ledger.records()]
    ['C001', 'no pathology']
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._fates: dict[Place, list[Record]] = {}

    def table(
        self, path: Path, columns: Collection[str], *, required: Collection[str] | None = None
    ) -> list[tuple[Place, Row]]:
        """Return a table's rows, each with its place; each must be taken or left later.

        Parameters
        ----------
        path
            A CSV file, or an Excel workbook whose first sheet is meant.
        columns
            The columns to keep.
        required
            Those without which it is another table; None for all of `columns`.

        Raises
        ------
        StudyError
            When the table cannot be read or lacks a column.
        """
        table = _from_workbook(path) if path.suffix == ".xlsx" else read_table(path, only=columns)
        needed = columns if required is None else required
        absent = [name for name in needed if name not in table.columns]
        if absent:
            raise StudyError(
                f"{path.name}: has no column {', '.join(map(repr, absent))}; is it another "
                "version of the collection's table?"
            )
        places = [Place(self.relative(path), f"line {line}") for line in table.lines]
        self.expect(*places)
        return list(zip(places, table.rows, strict=True))

    def relative(self, path: Path) -> str:
        """Return a path relative to the collection's folder, with forward slashes."""
        return path.relative_to(self.folder).as_posix()

    def expect(self, *places: Place) -> None:
        """Note places that must be taken or left."""
        for place in places:
            self._fates.setdefault(place, [])

    def take(self, place: Place, case: Case, image: Image | None = None) -> None:
        """Note that a place became a case, or an image of it; noted twice alike, it stands once.

        Parameters
        ----------
        place
            Where it stands in the collection.
        case
            The case; the same one for all its images.
        image
            The view that the place describes, if it describes one.
        """
        self._note(Record(place, case, image))

    def leave(self, place: Place, reason: str) -> None:
        """Note why a place is left out; `reason` is the same words for all places of that fate."""
        self._note(Record(place, reason=reason))

    @contextmanager
    def entry(self, place: Place) -> Iterator[None]:
        """Leave out the place when the block raises NotTakenError."""
        try:
            yield
        except NotTakenError as reason:
            self.leave(place, str(reason))

    def records(self) -> list[Record]:
        """Return what became of every place, in the order they were met.

        Raises
        ------
        RuntimeError
            When an adapter has forgotten a row: an error of ours, never of the data.
        """
        forgotten = [place for place, fate in self._fates.items() if not fate]
        if forgotten:
            raise RuntimeError(f"{len(forgotten)} rows unaccounted for, the first {forgotten[0]}")
        return [record for fate in self._fates.values() for record in fate]

    def _note(self, record: Record) -> None:
        fate = self._fates.setdefault(record.place, [])
        if record not in fate:
            fate.append(record)


MOST_WORKBOOK_BYTES = 500_000_000
"""Of a workbook unpacked; those of the collections are a hundredth of it."""


def _from_workbook(path: Path) -> Table:
    import pandas as pd

    with named_when_damaged(path), zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
    if size > MOST_WORKBOOK_BYTES:
        raise StudyError(
            f"{path.name}: unpacked it is {size / 1e9:.1f} GB, more than a workbook of any "
            "collection; it is not read"
        )
    sheet = pd.read_excel(path, dtype=str, keep_default_na=False)
    sheet.columns = sheet.columns.str.strip()
    rows = [
        {str(name): str(cell).strip() for name, cell in row.items()}
        for row in sheet.to_dict(orient="records")
    ]
    return Table(path.name, list(sheet.columns), rows, list(range(2, len(rows) + 2)))
