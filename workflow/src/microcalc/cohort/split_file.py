"""The user's own file of who is in which set: a row per patient, kept outside results/.

Planning reads this too, so it imports the standard library alone.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from microcalc.cohort.split import SPLITS, place
from microcalc.config.cohort_settings import CohortSettings
from microcalc.core.errors import StudyError, did_you_mean, shown
from microcalc.core.files import write_text
from microcalc.core.table_reader import Table, read_table

COLUMNS = ("patient_id", "split")
PSEUDONYM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MOST_NAMED = 8
COMMAND = "make freeze-split CONFIG=<the study's config>"

Row = Mapping[str, Any]


def read(path: str | os.PathLike[str] | None) -> dict[str, str]:
    """Return the split of each patient in the file, in its order; nothing where none is named.

    Parameters
    ----------
    path
        The config's `cohort.split_file`: a table of `patient_id` and `split`.

    Returns
    -------
    dict of str
        One of `SPLITS` by patient_id.

    Raises
    ------
    StudyError
        When the file is missing, has other columns, gives a word that is no split or a patient two
        of them.
    """
    if not path:
        return {}
    if not Path(path).is_file():
        raise StudyError(
            f"cohort.split_file: there is no file {path}; write it with {COMMAND}, which adds each "
            "patient's present place to it (or restore it: it says who trained)"
        )
    table = read_table(path)
    if sorted(table.columns) != sorted(COLUMNS):
        raise StudyError(
            f"{table.name}: has the columns {', '.join(table.columns)}; expected patient_id and "
            "split, and no other"
        )
    problems = [*_cells(table), *_twice(table)]
    if problems:
        raise StudyError.listing(f"{table.name} (cohort.split_file) cannot be used", problems)
    return {row["patient_id"]: row["split"] for row in table.rows}


def _cells(table: Table) -> list[str]:
    found = []
    for row, line in zip(table.rows, table.lines, strict=True):
        patient, split = row["patient_id"], row["split"]
        if not PSEUDONYM.fullmatch(patient):
            found.append(f"line {line}, column 'patient_id': {shown(patient)} is no pseudonym")
        if split not in SPLITS:
            found.append(
                f"line {line}, column 'split': {shown(split)} is not one of "
                f"{', '.join(SPLITS)}{did_you_mean(split, SPLITS)}"
            )
    return found


def _twice(table: Table) -> list[str]:
    first: dict[str, tuple[dict[str, str], int]] = {}
    found = []
    for row, line in zip(table.rows, table.lines, strict=True):
        before, line_before = first.setdefault(row["patient_id"].casefold(), (row, line))
        if row["patient_id"] != before["patient_id"]:
            found.append(
                f"line {line}: {shown(row['patient_id'])} differs from "
                f"{shown(before['patient_id'])} on line {line_before} only in case"
            )
        elif row["split"] != before["split"]:
            found.append(
                f"line {line}: patient {shown(row['patient_id'])} is in {shown(row['split'])} here "
                f"and in {shown(before['split'])} on line {line_before}; a patient has one place"
            )
    return found


def refuse_inside_results(path: str | None, results: str | os.PathLike[str]) -> None:
    """Refuse a split file in a folder of results, which may be deleted at any time.

    Parameters
    ----------
    path
        The config's `cohort.split_file`, or None.
    results
        The study's results; those of other studies lie beside it. Links are followed.

    Raises
    ------
    StudyError
        When it lies there.
    """
    if not path:
        return
    folder = Path(results).parent
    for where, inside in (
        (os.path.abspath(path), os.path.abspath(folder)),
        (os.path.realpath(path), os.path.realpath(folder)),
    ):
        if where.startswith(os.path.join(inside, "")):
            raise StudyError(
                f"cohort.split_file: {path} lies under {folder}/, whose files are made again and "
                "may be deleted; keep it with the study's tables and its config"
            )


def refuse_other_tables(frozen: Mapping[str, str], cases: Sequence[Row]) -> None:
    """Refuse a split file and a case table that cannot be meant for each other.

    Parameters
    ----------
    frozen
        What `read` returned; nothing where the file is yet to be written.
    cases
        Rows of the case table with `patient_id`, and `split` where it has such a column.

    Raises
    ------
    StudyError
        When the table has a column split too, no patient is in both, or ids differ in case alone.
    """
    if "split" in cases[0]:
        raise StudyError(
            "cohort.split_file: the case table has a column split too; one of them says who is "
            "where: take the column out of the table, or split_file out of the config"
        )
    if not frozen:
        return
    known = {case["patient_id"] for case in cases}
    if not known & frozen.keys():
        raise StudyError(
            f"cohort.split_file: none of its {len(frozen)} patients is in the case table; is it "
            "another study's?"
        )
    folded = {patient.casefold(): patient for patient in known}
    problems = [
        f"{shown(patient)} there, {shown(folded[patient.casefold()])} in the case table"
        for patient in frozen
        if patient not in known and patient.casefold() in folded
    ]
    if problems:
        raise StudyError.listing(
            "cohort.split_file: patients whose ids differ from the case table's only in case; "
            "write the same one the same way",
            problems,
        )


def notices(
    frozen: Mapping[str, str], cases: Iterable[Row], development_centers: Iterable[str]
) -> list[str]:
    """Return what a person should know where the file and the study's tables differ.

    Parameters
    ----------
    frozen
        What `read` returned.
    cases
        Rows of the case table with `patient_id` and `center`.
    development_centers
        The config's.

    Returns
    -------
    list of str
        One sentence for each kind of difference, the first `MOST_NAMED` patients named.
    """
    if not frozen:
        return []
    center = {case["patient_id"]: case["center"] for case in cases}
    development = set(development_centers)
    gone = [patient for patient in frozen if patient not in center]
    new = [patient for patient in center if patient not in frozen]
    out = [p for p, at in center.items() if at in development and frozen.get(p) == "external"]
    own = [
        p
        for p, at in center.items()
        if at not in development and frozen.get(p) in ("train", "internal")
    ]
    told = (
        (gone, "in cohort.split_file and not in the case table (their places are kept)"),
        (new, f"not in cohort.split_file and placed by a hash; {COMMAND} writes them down"),
        (out, "of a development center and external by cohort.split_file, whose word holds"),
        (own, "of no development center and in training or internal validation by "
              "cohort.split_file, whose word holds"),
    )  # fmt: skip
    return [f"{patients(names)}: {why}" for names, why in told if names]


def freeze(
    cases: Sequence[Row],
    settings: CohortSettings,
    *,
    seed: int,
    earlier: Mapping[str, str] | None = None,
) -> str:
    """Add each patient who is not in the user's file to it, and say what was done.

    What stands there already is kept as it is, and stays where it stands. A new patient gets the
    place of the study's last results, where these have one, or else the one that a hash gives.

    Parameters
    ----------
    cases
        The checked rows of the case table, whether or not they are eligible: a place needs no
        label.
    settings
        The config's `cohort`.
    seed
        The study's seed.
    earlier
        Split by patient in the study's last results, see `split_changes.earlier`.

    Returns
    -------
    str
        What was done, for a person.

    Raises
    ------
    StudyError
        When the config names no file, the file cannot be used as it is (see `read`), or the case
        table is not its own (see `refuse_other_tables`).
    """
    path = settings.split_file
    if not path:
        raise StudyError(
            "cohort.split_file: is not set; name the file that the split is to be written to, "
            "beside the case table and outside results/, such as studies/<study>/split.csv"
        )
    frozen = read(path) if os.path.lexists(path) else {}
    refuse_other_tables(frozen, cases)
    kept = earlier or {}
    center = {case["patient_id"]: case["center"] for case in cases}
    new = {
        patient: kept.get(patient)
        or place(
            patient,
            at,
            development_centers=settings.development_centers,
            train_fraction=settings.train_fraction,
            seed=seed,
        )
        for patient, at in sorted(center.items())
        if patient not in frozen
    }
    if new:
        rows = [f"{patient},{split}\n" for patient, split in (frozen | new).items()]
        # A link keeps pointing at the file that it names.
        write_text("".join([",".join(COLUMNS), "\n", *rows]), os.path.realpath(path))
    as_before = [patient for patient in new if patient in kept]
    counts = Counter((frozen | new).values())
    told = ", ".join(f"{counts[split]} {split}" for split in SPLITS if counts[split])
    lines = [f"{path}: {len(new)} patients added, {len(frozen)} left as they were ({told})."]
    if as_before:
        lines.append(f"  {len(as_before)} of the new have the place of the last results.")
    lines.append("  Keep it with the case table; run this again when patients have come.")
    return "\n".join(lines) + "\n"


def patients(names: Sequence[str]) -> str:
    """Return patients counted, the first of them named: `9 patients (P1, P2 and 7 more)`.

    Parameters
    ----------
    names
        Their ids, at least one.

    Returns
    -------
    str
        With the first `MOST_NAMED` ids.

    Examples
    --------
    >>> from microcalc.cohort import split_file
    >>> split_file.patients(["P1", "P2"])
    '2 patients (P1, P2)'
    """
    told = ", ".join(names[:MOST_NAMED])
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{len(names):,} {'patient' if len(names) == 1 else 'patients'} ({told}{more})"
