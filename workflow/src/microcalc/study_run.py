"""A run of a study, or of frozen models on a cohort: what stops it, and what it says at its end.

An ingest answers the same questions for itself, see `microcalc.ingest.asked`. Every job on a
cluster reads this again, so it imports the standard library alone.
"""

from dataclasses import dataclass
from pathlib import Path

from microcalc import planning
from microcalc.images import farewell
from microcalc.sharding import Shards


@dataclass(frozen=True)
class StudyRun:
    """One run.

    Attributes
    ----------
    shards
        The study's shards.
    folder
        Its results.
    """

    shards: Shards
    folder: Path

    def refuse_to_plan(self, *, is_forced: bool) -> None:
        """Raise a StudyError before any rule is looked at, where no plan could be trusted.

        Parameters
        ----------
        is_forced
            Whether shards are made again whatever Snakemake knows of them.
        """
        # Of an error that Snakemake comes upon itself it tells more than the message.
        self.shards.refuse_unreadable_tables()
        if not is_forced:
            self.shards.refuse_forgotten_changes()

    def refuse_to_start(self) -> None:
        """Raise a StudyError before any job where something is missing or read-only."""
        planning.refuse_read_only(str(self.folder))
        self.shards.refuse_missing_images()

    def warnings(self) -> list[str]:
        """Return what a person must know of the images."""
        return farewell.lines(self.folder / "images" / "qc.csv")

    def summary(self) -> str:
        """Return what was found, and where the whole report is; nothing before there is one."""
        report = self.folder / "report"
        if not (report / "summary.md").exists():
            return ""
        text = (report / "summary.md").read_text(encoding="utf-8")
        return f"{text}\nThe whole report: {report / 'report.html'}"
