"""A table of features that were computed elsewhere: which columns are taken, what is wrong with it.

All that a table can say wrong is told before any job, so that no image is read in vain. Every job
on a cluster reads this again, so it imports nothing heavy.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from microcalc.config.column_names import OWN_COLUMNS
from microcalc.config.table_settings import NUMERIC, TableSettings
from microcalc.core.errors import StudyError, did_you_mean, shown
from microcalc.core.spreadsheet import NUMBER
from microcalc.core.table_reader import MISSING, Table, read_table

NO_FEATURES = (*OWN_COLUMNS, "image_id")
"""Columns that say who or which class a case is: never features, whatever a pattern says."""

DIAGNOSTICS = "diagnostics_*"
"""Columns in which PyRadiomics says how it went about it."""

_COLUMN = re.compile(rf"(?:{NUMBER.pattern}\n)*+", NUMBER.flags)
_COMMA = re.compile(r"[+-]?\d[\d.' ]*,\d+(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_UNDEFINED = ("nan", "none", "null", "n/a", "na", "#n/a", "-", "?", ".")


@dataclass(frozen=True)
class Cases:
    """Who must stand in a table, as far as it is known before any image is read.

    Attributes
    ----------
    labels
        The label of each case that goes on, where it is known; "" else.
    case_of
        The case of each of their images that are not known to be excluded.
    usable
        Those of these images that an earlier run found usable.
    shared
        Columns that the study's own tables have.
    known
        Ids of all that the study has, whether they go on or not: of "case" and of "image".
    """

    labels: Mapping[str, str]
    case_of: Mapping[str, str]
    usable: Collection[str] = ()
    shared: Collection[str] = ()
    known: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class FeatureTable:
    """A table of features as its file has it.

    Attributes
    ----------
    settings
        How it is read.
    table
        All its cells.
    """

    settings: TableSettings
    table: Table

    @classmethod
    def read(cls, settings: TableSettings) -> "FeatureTable":
        """Return the table of a set.

        Parameters
        ----------
        settings
            The set's row of the config's `features`.

        Returns
        -------
        FeatureTable
            With at least one column of features.

        Raises
        ------
        StudyError
            When it is no well-formed table, there is no column of ids, or no other one is taken.
        """
        found = cls(settings, read_table(settings.path))
        problems = list(found._column_problems())
        if problems:
            raise StudyError.listing(
                f"{settings.path}: its columns are not what is meant", problems
            )
        return found

    @cached_property
    def names(self) -> list[str]:
        """The columns that are features, in the table's order."""
        left_out = _meant(self.settings.without, self.table.columns)
        chosen = [name for name in self._candidates if name not in left_out]
        if self.settings.columns != NUMERIC:
            return chosen
        return [name for name in chosen if any(map(_reads_as_number, self._cells(name)))]

    @property
    def left_out(self) -> list[str]:
        """The other columns but that of ids."""
        taken = {self.settings.ids, *self.names}
        return [name for name in self.table.columns if name not in taken]

    def unknown(self, cases: Cases) -> list[str]:
        """Return the ids that are none of the study, sorted."""
        return sorted({row[self.settings.ids] for row in self.table.rows} - self._known(cases))

    def problems(self, cases: Cases) -> Iterator[str]:
        """Yield what is wrong with the rows of a study's cases, a line for each problem.

        Rows of others are not looked at.
        """
        places = {
            name: i for i, name in enumerate(row[self.settings.ids] for row in self.table.rows)
        }
        if not places.keys() & self._known(cases):
            yield self._no_id_known(cases, next(iter(places)))
            return
        wanted = self._wanted(cases)
        yield from self._repeated(self._known(cases))
        yield from self._absent(cases, places)
        rows = [places[name] for name in sorted(wanted & places.keys())]
        cells = {name: [self.table.rows[i][name] for i in rows] for name in self.names}
        numbers = {name: _numbers(column) for name, column in cells.items()}
        yield from self._without_value(rows, cells)
        yield from self._no_numbers(rows, {n: cells[n] for n in cells if numbers[n] is None})
        yield from self._shared(cases)
        yield from self._recoded(cases, rows, numbers)

    def _known(self, cases: Cases) -> set[str]:
        return set(cases.known.get(self.settings.per, ()))

    def _wanted(self, cases: Cases) -> set[str]:
        return set(cases.case_of if self.settings.pools_views else cases.labels)

    @cached_property
    def _candidates(self) -> list[str]:
        settings, columns = self.settings, self.table.columns
        never = {settings.ids, *NO_FEATURES}
        if settings.columns == NUMERIC:
            never |= _meant([DIAGNOSTICS], columns)
            return [name for name in columns if name not in never]
        meant = _meant(settings.columns, columns) - never.difference(settings.columns)
        return [name for name in columns if name in meant]

    def _cells(self, name: str) -> Iterator[str]:
        return (row[name] for row in self.table.rows)

    def _column_problems(self) -> Iterator[str]:
        settings, columns = self.settings, self.table.columns
        if settings.ids not in columns:
            near = did_you_mean(settings.ids, columns) or f"; there are {_some(columns)}"
            yield f"there is no column {settings.ids!r} for the {settings.per}s' ids{near}"
            return
        asked = [*([] if settings.columns == NUMERIC else settings.columns), *settings.without]
        for name in asked:
            if not _meant([name], columns):
                near = did_you_mean(name, columns) or f"; there are {_some(columns)}"
                yield f"no column is called {name!r}{near}"
        for name in self._candidates:
            if name in (settings.ids, *NO_FEATURES):
                yield f"column {name!r} says who or which class a case is; it is no feature"
            elif not name.isprintable():
                yield f"column {shown(name)} has a character that cannot be shown; rename it"
        if not self.names:
            yield f"no column is left as a feature; there are {_some(columns)}"

    def _no_id_known(self, cases: Cases, first: str) -> str:
        there = next(iter(sorted(self._wanted(cases))), "")
        return (
            f"column {self.settings.ids!r} holds no {self.settings.per} of the study: it has ids "
            f"such as {shown(first)}, the study such as {shown(there)}"
        )

    def _repeated(self, known: Collection[str]) -> Iterator[str]:
        first: dict[str, int] = {}
        for row, line in zip(self.table.rows, self.table.lines, strict=True):
            own = row[self.settings.ids]
            before = first.setdefault(own, line)
            if before != line and own in known:
                yield (
                    f"line {line}: {self.settings.per} {own} stands on line {before} already; "
                    f"expected one row per {self.settings.per}"
                )

    def _absent(self, cases: Cases, places: Mapping[str, int]) -> Iterator[str]:
        folded = {name.casefold(): name for name in places.keys() - self._known(cases)}
        if not self.settings.pools_views:
            for name in sorted(cases.labels.keys() - places.keys()):
                near = folded.get(name.casefold())
                hint = f" (there is one of {near!r})" if near else ""
                yield f"case {name} has no row{hint}"
            return
        pictured = {cases.case_of[name] for name in places.keys() & cases.case_of.keys()}
        for case_id in sorted({*cases.case_of.values()} - pictured):
            yield f"case {case_id} has no row of any of its images"
        for name in sorted(set(cases.usable) - places.keys()):
            if cases.case_of.get(name) in pictured:
                yield f"image {name} of case {cases.case_of[name]} has no row"

    def _without_value(
        self, rows: Sequence[int], cells: Mapping[str, Sequence[str]]
    ) -> Iterator[str]:
        gaps = [name for name, column in cells.items() if not {*MISSING}.isdisjoint(column)]
        for i in rows if gaps else ():
            row = self.table.rows[i]
            empty = [name for name in gaps if row[name] in MISSING]
            if empty:
                yield (
                    f"line {self.table.lines[i]}: {self.settings.per} {row[self.settings.ids]} has "
                    f"no value of {_some(empty)}"
                )

    def _no_numbers(self, rows: Sequence[int], cells: Mapping[str, Sequence[str]]) -> Iterator[str]:
        for name, column in cells.items():
            wrong = [(i, c) for i, c in zip(rows, column, strict=True) if not _is_number(c)]
            if wrong:
                i, cell = wrong[0]
                more = f" (and {len(wrong) - 1} further rows)" if len(wrong) > 1 else ""
                yield (
                    f"line {self.table.lines[i]}, column {name!r}: {shown(cell)} is no finite "
                    f"number{_hint(cell)}{more}"
                )

    def _shared(self, cases: Cases) -> Iterator[str]:
        named = () if self.settings.columns == NUMERIC else self.settings.columns
        both = [name for name in self.names if name in cases.shared and name not in named]
        if both:
            yield (
                f"the study's own tables have {_some(both)} too; name such columns under "
                "`without`, or under `columns` by their full names where they are meant"
            )

    def _recoded(
        self,
        cases: Cases,
        rows: Sequence[int],
        numbers: Mapping[str, Sequence[float] | None],
    ) -> Iterator[str]:
        """Yield the columns whose two values stand for the two classes, without fail."""
        ids = [self.table.rows[i][self.settings.ids] for i in rows]
        of = cases.case_of if self.settings.pools_views else {name: name for name in ids}
        labels = [cases.labels.get(of[name], "") for name in ids]
        if len({*labels}) != 2 or "" in labels:
            return
        for name, values in numbers.items():
            if values is None or len({*values}) != 2:
                continue
            pairs = {*zip(values, labels, strict=True)}
            if len(pairs) == 2:
                said = " and ".join(f"{value:g} = {label}" for value, label in sorted(pairs))
                yield f"column {name!r} is the label under another name: {said} in every case"


def _meant(asked: Collection[str], columns: Collection[str]) -> set[str]:
    """Return the columns that are called so, or where none is, that fit a name with *."""
    found = set(asked).intersection(columns)
    for name in set(asked) - found:
        pattern = re.compile(re.escape(name).replace(r"\*", ".*"), re.DOTALL)
        found |= {column for column in columns if pattern.fullmatch(column)}
    return found


def _reads_as_number(cell: str) -> bool:
    """Return whether a cell is meant as a number, be it written as none."""
    written = NUMBER.fullmatch(cell) or _COMMA.fullmatch(cell) or _INFINITE.fullmatch(cell)
    return written is not None


def _numbers(cells: Sequence[str]) -> list[float] | None:
    """Return the numbers that cells say; None where one is no finite number.

    All at once, since a table may have a million cells and each plan looks at them.
    """
    text = "\n".join([*cells, ""])
    if not _COLUMN.fullmatch(text) or text.count("\n") != len(cells):
        return None
    values = [*map(float, cells)]
    return values if all(map(math.isfinite, values)) else None


def _is_number(cell: str) -> bool:
    """Return whether a cell is a number; an empty one is told of elsewhere."""
    if cell in MISSING:
        return True
    return NUMBER.fullmatch(cell) is not None and math.isfinite(float(cell))


def _hint(cell: str) -> str:
    if _COMMA.fullmatch(cell):
        return "; write a decimal point, not a comma"
    if cell.casefold() in ("true", "false", "yes", "no"):
        return "; write 1 and 0"
    return "; a missing value is an empty cell" if cell.casefold() in _UNDEFINED else ""


def _some(names: Sequence[str], most: int = 5) -> str:
    told = ", ".join(shown(name) for name in names[:most])
    return told + (f" and {len(names) - most} more" if len(names) > most else "")
