"""`snakemake verify`: whether a study's results are what its jobs left, by their records."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from microcalc.core import job_records
from microcalc.core.errors import StudyError
from microcalc.core.files import content_of

WITHOUT_RECORD = ("logs/", "history/", "provenance/", "crate/")
"""What tells of runs, and differs from one to the next; and what is made of all the rest."""

CHECKPOINTS = "/checkpoints/"
"""The folder of what a training takes up again after a kill."""


@dataclass(frozen=True)
class Outcome:
    """What became of a study's results, each by its path among them, sorted.

    Attributes
    ----------
    untouched
        As their jobs left them.
    changed
        Cut, edited or swapped since.
    missing
        Left by a job, and gone.
    unknown
        Left by no job.
    """

    untouched: Sequence[str]
    changed: Sequence[str]
    missing: Sequence[str]
    unknown: Sequence[str]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is changed or missing."""
        return not (self.changed or self.missing)

    def text(self, most: int = 20) -> str:
        """Return it in words; of the files that are not untouched at most so many of a kind."""
        lines = [f"{len(self.untouched)} files are untouched since their jobs left them."]
        for names, what in (
            (self.changed, "changed since: delete each and run the study again"),
            (self.missing, "missing: the next run makes them again where it needs them"),
            (self.unknown, "unknown: no job left them here"),
        ):
            if names:
                lines += [f"{len(names)} {what}", *(f"  {name}" for name in names[:most])]
                lines += [f"  and {len(names) - most} more"] if len(names) > most else []
        return "\n".join([*lines, ""])


def outcome(results: Path) -> Outcome:
    """Return what became of every file of a study's results.

    Parameters
    ----------
    results
        The study's results; every file with a record is read once.

    Returns
    -------
    Outcome
        Of all but `WITHOUT_RECORD`.

    Raises
    ------
    StudyError
        When there are no records, or one of them is damaged.
    """
    recorded: dict[str, bool] = {}
    for _, record in job_records.records(results):
        for path, content in record.outputs.items():
            if content is not None:
                recorded[path] = record.is_temporary
    if not recorded:
        raise StudyError(
            f"{results}: no job has left a provenance record here; run the study, or look for the "
            "results under the name that the config's `study` gives them"
        )
    found: dict[str, list[str]] = {"untouched": [], "changed": [], "missing": []}
    for path, is_temporary in sorted(recorded.items()):
        file = results / path
        if not file.is_file():
            if not is_temporary:
                found["missing"].append(path)
            continue
        is_same = job_records.recorded_content(file) == content_of(file)
        found["untouched" if is_same else "changed"].append(path)
    unknown = [path for path in _files(results) if path not in recorded]
    return Outcome(**found, unknown=sorted(unknown))


def refuse_altered(results: Path) -> None:
    """Refuse results that are changed or missing.

    Parameters
    ----------
    results
        The study's results.

    Raises
    ------
    StudyError
        Saying which they are; or as `outcome`.
    """
    found = outcome(results)
    if not found.is_whole:
        raise StudyError(f"{results}: not what its jobs left\n{found.text()}")


def _files(results: Path) -> Iterator[str]:
    for folder, _, names in os.walk(results):
        for name in names:
            path = Path(folder, name).relative_to(results).as_posix()
            if not path.startswith(WITHOUT_RECORD) and CHECKPOINTS not in path:
                yield path
