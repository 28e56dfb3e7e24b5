"""What is wrong with a study's tables of features, before any job.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from microcalc.config.column_names import (
    BESIDE_FEATURES,
    LATER_COLUMNS,
    OWN_COLUMNS,
    is_numbered,
)
from microcalc.config.score_names import score_column
from microcalc.config.study_config import StudyConfig
from microcalc.config.table_settings import TableSettings
from microcalc.config.views import STANDARD
from microcalc.core.errors import StudyError
from microcalc.core.table_reader import MISSING, read_table
from microcalc.plan.feature_table import Cases, FeatureTable
from microcalc.plan.shard_rows import Row


def expected(
    config: StudyConfig, images: Iterable[Row], results: Path, *, is_applied: bool = False
) -> Cases:
    """Return who must stand in a table, as far as it is known before any image is read.

    Parameters
    ----------
    config
        The study's config.
    images
        Rows of its images table.
    results
        Its results: who left an earlier run in the images room need not stand in a table.
    is_applied
        Whether frozen models are applied, to every case and whatever its label.

    Returns
    -------
    Cases
        Those with an image and a label of the study.

    Raises
    ------
    StudyError
        When a table cannot be read.
    """
    table = read_table(config.cohort.cases)
    rows = list(images)
    case_fates = _fates(results / "images" / "included.csv", "case_id")
    image_fates = _fates(results / "images" / "qc.csv", "image_id")
    labels = {row["case_id"]: row.get("label", "") for row in table.rows if "case_id" in row}
    gone = {*MISSING, *config.labels.excluded}
    pictured = {row["case_id"] for row in rows}
    needed = {
        case_id: "" if is_applied else label
        for case_id, label in labels.items()
        if case_id in pictured
        and (is_applied or label not in gone)
        and case_fates.get(case_id) != "excluded"
    }
    return Cases(
        labels=needed,
        case_of={
            row["image_id"]: row["case_id"]
            for row in rows
            if row["case_id"] in needed and image_fates.get(row["image_id"]) != "excluded"
        },
        usable={row["image_id"] for row in rows if image_fates.get(row["image_id"]) == "ok"},
        shared={*table.columns, *(rows[0] if rows else ())},
        known={"case": set(labels), "image": {row["image_id"] for row in rows}},
    )


def _fates(path: Path, key: str) -> Mapping[str, str]:
    """Return the status of each case or image in a table of an earlier run, if there was one."""
    if not path.exists():
        return {}
    return {row[key]: row["status"] for row in read_table(path, only=(key, "status")).rows}


def refuse_unusable(config: StudyConfig, cases: Cases) -> None:
    """Refuse tables of features that say too little, or what cannot be used.

    Parameters
    ----------
    config
        The study's config.
    cases
        From `expected`.

    Raises
    ------
    StudyError
        Listing every problem, by set.
    """
    problems = []
    read: dict[str, FeatureTable] = {}
    for name, row in given(config).items():
        try:
            read[name] = FeatureTable.read(row)
        except StudyError as error:
            problems.append(f"features.{name}: {error}")
        else:
            problems += [f"features.{name}: {line}" for line in read[name].problems(cases)]
    problems += _clashes(config, read)
    if problems:
        raise StudyError.listing(
            "Tables of features cannot be used as they are. No missing value is filled in: "
            "complete the table, leave the column out (`without`), or take the case out of the "
            "study",
            problems,
        )


def given(config: StudyConfig) -> dict[str, TableSettings]:
    """Return the sets of kind table.

    Parameters
    ----------
    config
        The study's config.

    Returns
    -------
    dict
        In the order of `features`.
    """
    rows = config.features.items()
    return {name: row for name, row in rows if isinstance(row, TableSettings)}


def told(config: StudyConfig, cases: Cases) -> list[str]:
    """Return what is taken of each table, in plain words.

    Parameters
    ----------
    config
        The study's config.
    cases
        From `expected`.

    Returns
    -------
    list of str
        A line for each set of kind table, all of which can be used.
    """
    lines = []
    for name, row in given(config).items():
        read = FeatureTable.read(row)
        left_out, unknown = read.left_out, read.unknown(cases)
        line = f"  features.{name}: {len(read.names)} columns of {row.path}"
        line += f"; left out: {', '.join(left_out)}" if left_out else ""
        noun = "row is" if len(unknown) == 1 else "rows are"
        lines.append(line + (f"; {len(unknown)} {noun} of no {row.per} here" if unknown else ""))
    return lines


def _clashes(config: StudyConfig, tables: Mapping[str, FeatureTable]) -> Iterator[str]:
    """Yield the columns that would be called like something else of the study."""
    taken = dict.fromkeys((*OWN_COLUMNS, *LATER_COLUMNS), "a column of MicroCalc's")
    taken |= dict.fromkeys(BESIDE_FEATURES, "a column of MicroCalc's")
    taken |= {name: f"the clinical variable {name}" for name in config.clinical}
    taken |= {score_column(name): f"the column of the score {name}" for name in config.scores}
    for name, read in tables.items():
        place = f"features.{name}"
        others = config.features.keys() - {name}
        for column in read.names:
            for full in _called(name, column, read.settings):
                other = taken.get(full)
                if other is None and is_numbered(full, others):
                    other = f"a column of features.{full.rpartition('_')[0]}"
                if other is not None:
                    yield (
                        f"{place}: column {column!r} would be called {full}, as is {other}; rename "
                        "it, or the set"
                    )
                taken.setdefault(full, f"a column of {place}")


def _called(name: str, column: str, settings: TableSettings) -> list[str]:
    """Return what a column is called once it is one of cases, see `features.pool`."""
    if settings.pools_views and settings.pool_views == "concat":
        return [f"{name}_{view}_{column}" for view in STANDARD]
    return [f"{name}_{column}"]
