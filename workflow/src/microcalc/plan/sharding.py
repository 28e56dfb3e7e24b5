"""The shards of a study's images: what each is made from, and what must stop a study before any.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from microcalc.config import feature_sets
from microcalc.config.study_config import StudyConfig
from microcalc.core.files import digest_value
from microcalc.plan import (
    feature_table,
    feature_table_checks,
    phantom_folder,
    refusals,
    shard_rows,
)
from microcalc.plan.shard_rows import Row
from microcalc.plan.stored_digest import is_up_to_date


@dataclass(frozen=True)
class Shards:
    """All shards of one study.

    Attributes
    ----------
    config
        The study's config.
    file
        Gives the file of a shard's patches, by its number.
    code
        Gives the digest of the code that patches are made by.
    is_applied
        Whether the study is a cohort that frozen models are applied to.
    """

    config: StudyConfig
    file: Callable[[int], str]
    code: Callable[[], str]
    is_applied: bool = False

    @property
    def numbers(self) -> range:
        """Their numbers, from 0."""
        return range(self.config.images.shards)

    @property
    def _phantoms(self) -> str:
        """The table that phantoms are made from."""
        return self.config.simulate.phantoms if self.config.simulate else ""

    def rows(self, shard: int) -> list[Row]:
        """Return a shard's rows of the images table.

        Parameters
        ----------
        shard
            Its number.

        Returns
        -------
        list of dict
            As from `shard_rows.of_shard`.

        Raises
        ------
        StudyError
            As `shard_rows.of_shard`.
        """
        return self._rows(self.config.cohort.images, shard)

    def _rows(self, table: str, shard: int) -> list[Row]:
        cases = self.config.cohort.cases
        return shard_rows.of_shard(cases, table, shard, len(self.numbers))

    def _every_row(self, table: str) -> list[Row]:
        return [row for shard in self.numbers for row in self._rows(table, shard)]

    def digest(self, shard: int) -> str:
        """Return the digest of all that a shard of patches is made from."""
        images = self.config.images.plain()
        return digest_value([self.files_digest(shard), images, self.code()])

    def files_digest(self, shard: int) -> str:
        """Return the digest of a shard's rows of the images table and of the files they name."""
        return shard_rows.files_digest(self.rows(shard), self.config.cohort.image_folder)

    def phantoms_digest(self, shard: int) -> str:
        """Return the digest of the rows that a shard's phantoms are made from."""
        return shard_rows.rows_digest(self._rows(self._phantoms, shard))

    def is_current(self, shard: int) -> bool:
        """Return whether a shard is there and made from what it would be made from today."""
        return is_up_to_date(self.file(shard), partial(self.digest, shard))

    def refuse_unreadable_tables(self) -> None:
        """Refuse tables that shards are made from and that cannot be read.

        Raises
        ------
        StudyError
            Where one is not there, or is none.
        """
        self.rows(0)
        if self.config.simulate:
            self._rows(self._phantoms, 0)

    def refuse_unusable_columns(self) -> None:
        """Refuse tables that sets' columns come from and that are not there, or of no use.

        Raises
        ------
        StudyError
            As `refusals.refuse_missing_columns`, and `feature_table_checks.refuse_unusable`.
        """
        refusals.refuse_missing_columns(feature_sets.tables_given(self.config))
        if feature_table_checks.given(self.config):
            feature_table_checks.refuse_unusable(self.config, self._expected())

    def columns_told(self) -> list[str]:
        """Return what is taken of the tables that sets' columns come from, in plain words.

        Returns
        -------
        list of str
            As `feature_table_checks.told`.
        """
        if not feature_table_checks.given(self.config):
            return []
        return feature_table_checks.told(self.config, self._expected())

    def _expected(self) -> feature_table.Cases:
        rows = self._every_row(self.config.cohort.images)
        results = Path(self.file(0)).parents[1]
        return feature_table_checks.expected(self.config, rows, results, is_applied=self.is_applied)

    def refuse_phantoms_elsewhere(self, results: Path) -> None:
        """Refuse phantoms that would come to lie outside their own folder.

        Parameters
        ----------
        results
            The study's results.

        Raises
        ------
        StudyError
            As `phantom_folder.refuse_elsewhere`.
        """
        if self.config.simulate:
            tables = {
                "the phantoms table": self._every_row(self._phantoms),
                "the images table": self._every_row(self.config.cohort.images),
            }
            phantom_folder.refuse_elsewhere(self.config.cohort.image_folder, results, tables)

    def refuse_foreign_files(self, results: Path) -> None:
        """Refuse phantoms that would take the place of other files when they are first made.

        Parameters
        ----------
        results
            The study's results.

        Raises
        ------
        StudyError
            As `phantom_folder.refuse_foreign`.
        """
        if self.config.simulate:
            rows = [
                row
                for shard in self.numbers
                if not (results / "simulate" / f"shard-{shard}.json").exists()
                for row in self._rows(self._phantoms, shard)
            ]
            phantom_folder.refuse_foreign(rows, self.config.cohort.image_folder, results)

    def refuse_missing_images(self) -> None:
        """Refuse images without a file, unless they are phantoms that are yet to be made.

        Raises
        ------
        StudyError
            As `refusals.refuse_missing_images`.
        """
        if not self.config.simulate:
            rows = self._every_row(self.config.cohort.images)
            refusals.refuse_missing_images(rows, self.config.cohort.image_folder)

    def refuse_forgotten_changes(self) -> None:
        """Refuse shards that are out of date where Snakemake cannot know it.

        Raises
        ------
        StudyError
            As `refusals.refuse_forgotten_change`, of the first of them.
        """
        for shard in self.numbers:
            refusals.refuse_forgotten_change(self.file(shard), partial(self.digest, shard))
