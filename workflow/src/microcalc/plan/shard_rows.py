"""Which rows of the images table a shard holds, and the digest of all it is made from."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter

from microcalc.core.errors import StudyError
from microcalc.core.files import digest_bytes, digest_file, digest_value
from microcalc.core.gc_tuning import nothing_collected
from microcalc.core.table_reader import MISSING, read_table
from microcalc.plan import detached_headers

Row = dict[str, str]


def shard_of(patient_id: str, n_shards: int) -> int:
    """Return the shard of a patient's cases, between 0 and `n_shards` - 1.

    A stable hash of the patient's id alone: a new patient touches one shard.

    Examples
    --------
    >>> from microcalc.plan import shard_rows
    >>> [shard_rows.shard_of(patient, 4) for patient in ("P001", "P002", "P003")]
    [3, 1, 0]
    """
    return int(digest_bytes(patient_id.encode())[:12], 16) % n_shards


def of_shard(cases: str, images: str, shard: int, n_shards: int) -> list[Row]:
    """Return one shard's rows of the images table, `patient_id` joined on, sorted by `image_id`.

    Parameters
    ----------
    cases, images
        Paths of the study's two tables.
    shard
        Between 0 and `n_shards` - 1.
    n_shards
        `images.shards` of the config.

    Returns
    -------
    list of dict
        Cells as text by column, "NA" as "".

    Raises
    ------
    StudyError
        When a table is missing or not well-formed, see `table_reader.read_table`.

    Notes
    -----
    An image of no known case has no shard: the cohort room reports it, and no patch is made
    before that room is content.
    """
    return _grouped(cases, _identity(cases), images, _identity(images), n_shards).get(shard, [])


def refuse_changed(rows: Iterable[Row], image_folder: str, *, planned: str) -> None:
    """Refuse a job whose rows or files are not those that it was planned with.

    Snakemake notes of a job what it was planned with, whatever the job has read.

    Parameters
    ----------
    rows
        Rows of the images table as the job reads them.
    image_folder
        The config's `cohort.image_folder`.
    planned
        `files_digest` of the plan.

    Raises
    ------
    StudyError
        When they have changed.
    """
    if files_digest(rows, image_folder) != planned:
        raise StudyError(
            "The images table, or a file that it names, was changed after this job was planned; "
            "run the same command again, which plans with what is there now"
        )


def files_digest(rows: Iterable[Row], image_folder: str) -> str:
    """Return a digest of rows of the images table and of the files they name.

    Rows, all of the same columns, count whole; of each file, path, size and time of change stand
    for its content.
    """
    given = list(rows)
    names = sorted(given[0]) if given else []
    paths = _file_columns(names)
    digest = hashlib.sha256(digest_value(names).encode())
    # Every plan of a large study spends its time here and in `_grouped`.
    within = os.path.join(image_folder, "")
    for row in given:
        facts = list(map(row.__getitem__, names))
        named = [path if path[0] == "/" else within + path for name in paths if (path := row[name])]
        facts += map(_stat, named)
        facts += [_stat(pixels) for path in named for pixels in detached_headers.beside(path)]
        digest.update("\0".join([*facts, "\n"]).encode())
    return digest.hexdigest()


def rows_digest(rows: Iterable[Row]) -> str:
    """Return a digest of rows alone, for what is made from a table and from no other file."""
    return digest_value([sorted(row.items()) for row in rows])


def named_files(row: Row, image_folder: str) -> list[str]:
    """Return the paths of the files that a row of the images table names, and of their pixels."""
    named = [
        os.path.join(image_folder, row[column])
        for column in _file_columns(sorted(row))
        if row[column]
    ]
    return [path for name in named for path in (name, *detached_headers.beside(name))]


def _file_columns(columns: Iterable[str]) -> list[str]:
    return [name for name in columns if name == "path" or name.endswith("_path")]


def table_digests(paths: Mapping[str, str | None]) -> dict[str, str]:
    """Return digests of tables by content: of a table that a backup restored, time is no guide.

    Parameters
    ----------
    paths
        By name; None stands for a table that the config does not name.
    """
    there = {name: path for name, path in paths.items() if path and os.path.exists(path)}
    return {name: digest_file(path) for name, path in there.items()}


@cache
def _grouped(
    cases: str, _cases_now: Sequence[int], images: str, _images_now: Sequence[int], n_shards: int
) -> dict[int, list[Row]]:
    with nothing_collected():
        identities = read_table(cases, only=("case_id", "patient_id")).rows
        patients = {row["case_id"]: row["patient_id"] for row in identities if len(row) == 2}
        shard = {name: shard_of(name, n_shards) for name in set(patients.values())}
        table = read_table(images)
        shards: dict[int, list[Row]] = {}
        if "image_id" not in table.columns:
            return shards
        for row in table.rows:
            if "NA" in row.values():
                row = {name: "" if cell in MISSING else cell for name, cell in row.items()}
            patient_id = patients.get(row.get("case_id", ""))
            if patient_id is not None:
                row["patient_id"] = patient_id
                shards.setdefault(shard[patient_id], []).append(row)
    order = [name for name in ("image_id", "reader") if name in table.columns]
    for rows in shards.values():
        rows.sort(key=itemgetter(*order))
    return shards


def _identity(path: str) -> tuple[int, ...]:
    found = os.stat(path) if os.path.exists(path) else None
    return (found.st_size, found.st_mtime_ns) if found else ()


def _stat(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"
