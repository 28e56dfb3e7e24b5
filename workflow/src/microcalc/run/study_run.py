"""A run of a study, or of frozen models on a cohort: what stops it, and what it says at its end.

An ingest answers the same questions for itself, see `microcalc.ingest.ingest_request`. Every job
on a cluster reads this again, so it imports nothing heavy.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from microcalc.cohort import split, split_changes, split_file
from microcalc.core.table_reader import read_table
from microcalc.plan import refusals
from microcalc.plan.sharding import Shards
from microcalc.run import end_of_run_warnings

PLACED_BY = ("case_id", "patient_id", "center", "split")
"""Columns of the case table that say who is in which set."""


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

    def refuse_to_plan(self, *, is_forced: bool, freezes_split: bool) -> None:
        """Refuse, before any rule is looked at, where no plan could be trusted.

        Parameters
        ----------
        is_forced
            Whether shards are made again whatever Snakemake knows of them.
        freezes_split
            Whether the split file is what the run is to write.

        Raises
        ------
        StudyError
            When a table cannot be read or lacks a column, phantoms would be written elsewhere, the
            split file cannot be used as it is, or shards are of older rows than Snakemake knows of.
        """
        # Of an error that Snakemake comes upon itself it tells more than the message.
        self.shards.refuse_unreadable_tables()
        self.shards.refuse_unusable_columns()
        self.shards.refuse_phantoms_elsewhere(self.folder)
        file = self.shards.config.cohort.split_file
        split_file.refuse_inside_results(file, self.folder)
        if not freezes_split:
            split_file.read(file)
        if not is_forced:
            self.shards.refuse_forgotten_changes()

    def refuse_to_start(self) -> None:
        """Refuse, before any job, where something is missing or would be lost.

        Raises
        ------
        StudyError
            When the results cannot be written, images are not there, or files that are none of ours
            stand where some are to be made.
        """
        refusals.refuse_read_only(str(self.folder))
        self.shards.refuse_missing_images()
        self.shards.refuse_foreign_files(self.folder)

    def notices(self) -> list[str]:
        """Return who would change sets, and what else is to be known of them, before any job.

        Raises
        ------
        StudyError
            When the case table cannot be read.
        """
        config = self.shards.config
        table = read_table(config.cohort.cases, only=PLACED_BY)
        if not {"case_id", "patient_id", "center"} <= set(table.columns):
            return []  # the cohort room says so
        return split_changes.told(config, self.folder, table.rows)

    def warnings(self, is_of_this_run: Callable[[Path], bool]) -> list[str]:
        """Return what a person must know of this run's images and sets, as lines of text.

        Parameters
        ----------
        is_of_this_run
            Says of a file whether this run wrote it; what an older one says is not told again.
        """
        qc, included = self.folder / "images" / "qc.csv", self.folder / "images" / "included.csv"
        found = end_of_run_warnings.lines(qc) if is_of_this_run(qc) else []
        return found + (self._small_sets(included) if is_of_this_run(included) else [])

    def _small_sets(self, included: Path) -> list[str]:
        with open(included, encoding="utf-8", newline="") as file:
            cases = [row for row in csv.DictReader(file) if row["status"] == "included"]
        # Frozen models may have been applied to cases without labels.
        known = cases if cases and "y" in cases[0] else []
        return split.few_cases(split.sizes(known), self.shards.config.labels)

    def summary(self, is_of_this_run: Callable[[Path], bool]) -> str:
        """Return what this run found, and where the whole report is; of an older one, its age.

        Parameters
        ----------
        is_of_this_run
            Says of a file whether this run wrote it.

        Returns
        -------
        str
            Text with a table in Markdown; empty where there is no report.
        """
        page, summary = (self.folder / "report" / name for name in ("report.html", "summary.md"))
        if not (page.exists() and summary.exists()):
            return ""
        if is_of_this_run(summary):
            return f"{summary.read_text(encoding='utf-8')}\nThe whole report: {page}"
        made = datetime.fromtimestamp(page.stat().st_mtime, UTC)
        return (
            f"{page} is older than this run, which did not make it again: it was written on "
            f"{made:%-d %B %Y at %H:%M} UTC"
        )
