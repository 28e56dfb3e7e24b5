"""What came of an ingest: the cases and images taken, and the places left out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

from microcalc.core.errors import StudyError
from microcalc.ingest import file_names
from microcalc.ingest.collection import Collection
from microcalc.ingest.record import Case, Image, Place, Record

Taken = TypeVar("Taken", Case, Image)


class Outcome:
    """Cases and images taken, and the places left out, of one collection.

    Parameters
    ----------
    collection
        Which one.
    records
        What became of every place.

    Raises
    ------
    StudyError
        When nothing was taken; it lists the reasons with their counts.
    """

    def __init__(self, collection: Collection, records: Sequence[Record]) -> None:
        self.collection, self.records = collection, records
        self.images = _distinct(
            (record.image.image_id, record.image) for record in records if record.image
        )
        self.cases = _distinct(
            (record.case.case_id, record.case) for record in records if record.case
        )
        self.owners = {
            record.image.image_id: record.case.case_id
            for record in records
            if record.case and record.image
        }
        if not self.images:
            raise StudyError.listing(
                f"Nothing of {collection.title} under the source folder can be taken",
                [f"{count} x {reason}" for _, reason, count in self.reasons()],
            )

    def fates(self) -> dict[Place, list[Record]]:
        """Return the records of each place."""
        found: dict[Place, list[Record]] = defaultdict(list)
        for record in self.records:
            found[record.place].append(record)
        return found

    def reasons(self) -> list[tuple[str, str, int]]:
        """Return (kind of source, reason, number) of places left out, the most frequent first."""
        counts = Counter(
            (kind(place), fate[0].reason)
            for place, fate in self.fates().items()
            if not any(record.case for record in fate)
        )
        ordered = sorted(counts.items(), key=lambda entry: (entry[0][0], -entry[1], entry[0][1]))
        return [(kind, reason, count) for (kind, reason), count in ordered]


def _distinct(named: Iterable[tuple[str, Taken]]) -> dict[str, Taken]:
    """Return what was taken by name, sorted; a name that stands for two things is an error."""
    found: dict[str, Taken] = {}
    for name, taken in named:
        if found.setdefault(name, taken) != taken:
            raise StudyError(
                f"{name}: the collection tells two different stories of it; look for a double of "
                "its tables or files under the source folder"
            )
    return dict(sorted(found.items()))


def kind(place: Place) -> str:
    """Return the name that places are counted under: a table's, or that of a kind of file.

    Examples
    --------
    >>> from microcalc.ingest import outcome
    >>> from microcalc.ingest.record import Place
    >>> outcome.kind(Place("tables/findings.csv", "line 12")), outcome.kind(Place("a/1.dcm"))
    ('findings.csv', '.dcm files')
    """
    name = place.source.rpartition("/")[2]
    if place.row.startswith("line "):
        return name
    if place.row:
        return f"{place.row.split(',')[-1].split()[0]}s"
    ending = file_names.suffix(name)
    # The end of a name such as 1.2.840.113619.2.66 is no suffix.
    return f"{ending if ending.strip('.0123456789') else 'other'} files"
