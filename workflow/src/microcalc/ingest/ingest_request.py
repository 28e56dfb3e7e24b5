"""What `snakemake ingest` was asked for: an ingest comes before its study has a config.

A run of a study answers the same questions for itself, see `microcalc.run.study_run`. Every job on
a cluster reads this again, so it imports the standard library alone.
"""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microcalc.core.errors import StudyError


@dataclass(frozen=True)
class Asked:
    """One ingest.

    Attributes
    ----------
    collection
        Name of a public collection, as the user wrote it; "" where none is named.
    source
        The collection's folder, or "".
    target
        The folder that becomes the study's.
    spacing_mm
        Pixel spacing of files that carry none, or "".
    """

    collection: str
    source: str
    target: str
    spacing_mm: str

    def file(self, name: str) -> str:
        """Return the path of a file of the study to come: `target`/`name`."""
        return f"{self.target}/{name}"

    def refuse_to_plan(self, *, is_forced: bool, freezes_split: bool) -> None:
        """Raise nothing: there are no tables yet.

        The parameters are those of `run.study_run`, for which this stands in.
        """

    def refuse_to_start(self) -> None:
        """Refuse an ingest over a study that is there already.

        Raises
        ------
        StudyError
            When the folder holds `cases.csv`.
        """
        cases = self.file("cases.csv")
        if Path(cases).exists():
            raise StudyError(
                f"{cases} is there already, and may hold work of yours; remove it or name another "
                "folder with target=..."
            )

    def notices(self) -> list[str]:
        """Return nothing: there are no sets yet."""
        return []

    def warnings(self, is_of_this_run: Callable[[Path], bool]) -> list[str]:
        """Return nothing: the summary says what was not taken."""
        return []

    def summary(self, is_of_this_run: Callable[[Path], bool]) -> str:
        """Return what was taken and what not, in Markdown; empty where that is not of this run.

        Parameters
        ----------
        is_of_this_run
            Says of a file whether this run wrote it.
        """
        path = Path(self.file("summary.md"))
        return path.read_text(encoding="utf-8") if is_of_this_run(path) else ""


def taken_out(config: MutableMapping[str, Any]) -> Asked:
    """Return what was asked for, and take it out of the config: its keys are no study's.

    Parameters
    ----------
    config
        What the user wrote. Its keys `ingest`, `source`, `target` and `spacing_mm` are removed
        where `ingest` is among them.

    Examples
    --------
    >>> from microcalc.ingest import ingest_request
    >>> config = {"ingest": "cmmd", "source": "/data/CMMD"}
    >>> asked = ingest_request.taken_out(config)
    >>> asked.collection, asked.file("cases.csv"), config
    ('cmmd', 'studies/cmmd/cases.csv', {})
    """
    if "ingest" not in config:
        return Asked("", "", "studies/collection", "")
    collection, source, target, spacing_mm = (
        str(config.pop(key, "")) for key in ("ingest", "source", "target", "spacing_mm")
    )
    return Asked(collection, source, target or f"studies/{collection or 'collection'}", spacing_mm)
