"""What Snakemake must know before any job runs: shards, their digests, the code's digest.

Every job on a cluster reads this module again, so it imports the standard library alone.
"""

import base64
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from microcalc.errors import StudyError
from microcalc.files import digest_bytes, digest_file, digest_value
from microcalc.garbage import nothing_collected
from microcalc.images import detached
from microcalc.images.stored_digest import read_digest
from microcalc.tables import MISSING, read_table

PACKAGE_ROOT = Path(__file__).parent.parent

# Every plan looks through the whole package, for which a parser takes three times as long.
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ ]+(microcalc[\w.]*)[ ]+import[ ]+(\([^)]*\)|.*)|import[ ]+(microcalc[\w.]*))",
    re.MULTILINE,
)
_NAME = re.compile(r"[A-Za-z_]\w*")

Row = dict[str, str]


def shard_of(patient_id: str, n_shards: int) -> int:
    """Return the shard of a patient's cases, between 0 and `n_shards` - 1.

    A stable hash of the patient's id alone: a new patient touches one shard.
    """
    return int(digest_bytes(patient_id.encode())[:12], 16) % n_shards


def shard_rows(cases: str, images: str, shard: int, n_shards: int) -> list[Row]:
    """Return one shard's rows of the images table, `patient_id` joined on, sorted by `image_id`.

    Parameters
    ----------
    cases, images
        Paths of the study's two tables.
    shard
        Between 0 and `n_shards` - 1.
    n_shards
        `images.shards` of the config.

    Notes
    -----
    An image of no known case has no shard: the cohort room reports it, and no patch is made
    before that room is content.
    """
    return _grouped(cases, _identity(cases), images, _identity(images), n_shards).get(shard, [])


def shard_digest(rows: Iterable[Row], image_folder: str, *settings: object) -> str:
    """Return a digest of all that a shard of patches is made from.

    Rows of the images table, all of the same columns, count whole; of each file they name, path,
    size and time of change stand for its content; `settings` are JSON-like values.
    """
    given = list(rows)
    names = sorted(given[0]) if given else []
    paths = _file_columns(names)
    digest = hashlib.sha256(digest_value([names, *settings]).encode())
    # Every plan of a large study spends its time here and in `_grouped`.
    within = os.path.join(image_folder, "")
    for row in given:
        facts = list(map(row.__getitem__, names))
        named = [path if path[0] == "/" else within + path for name in paths if (path := row[name])]
        facts += map(_stat, named)
        facts += [_stat(pixels) for path in named for pixels in detached.beside(path)]
        digest.update("\0".join([*facts, "\n"]).encode())
    return digest.hexdigest()


def is_up_to_date(shard_file: str, digest: Callable[[], str]) -> bool:
    """Return whether the shard is there and was made from what `digest()` stands for."""
    return os.path.exists(shard_file) and read_digest(shard_file) == digest()


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
    return [path for name in named for path in (name, *detached.beside(name))]


def _file_columns(columns: Iterable[str]) -> list[str]:
    return [name for name in columns if name == "path" or name.endswith("_path")]


def missing_images(rows: Iterable[Row], image_folder: str) -> list[str]:
    """Return the `image_id` of every image that names a file which is not there."""
    missing = [
        row["image_id"]
        for row in rows
        if not all(os.path.exists(path) for path in named_files(row, image_folder))
    ]
    # Several readers' rows may name one image.
    return list(dict.fromkeys(missing))


def refuse_missing_images(rows: Iterable[Row], image_folder: str) -> None:
    """Raise a StudyError that lists the images whose files are not there.

    Their ids are listed and not their paths, in which hospitals write names.
    """
    missing = missing_images(rows, image_folder)
    if missing:
        raise StudyError.listing(
            f"{len(missing)} images of the study have no file under the config's "
            "cohort.image_folder; restore the files or correct `path` in the images table",
            [f"image {image_id}" for image_id in missing],
        )


def refuse_read_only(folder: str) -> None:
    """Raise a StudyError when nothing can be written in a folder, or where it is to be made."""
    place = Path(folder)
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        raise StudyError(
            f"{Path(folder)} cannot be written: {place} is read-only, for this user at least; "
            "change its permissions or its mount, or run where you may write"
        )


def refuse_forgotten_change(shard_file: str, digest: Callable[[], str]) -> None:
    """Raise a StudyError when a shard is out of date and Snakemake cannot know it.

    Snakemake compares the digest of a shard's rows with the one it noted under
    `.snakemake/metadata`. With that folder gone a changed mammogram would go unseen, so the
    digest stored in the shard itself is held against the present one.
    """
    if not os.path.exists(shard_file) or _has_record(shard_file):
        return
    if read_digest(shard_file) not in (digest(), None):
        raise StudyError(
            f"{shard_file}: made from other images or another images table than today's, and "
            "Snakemake's own record of it (.snakemake/metadata) is gone, so that it would not be "
            "made again; run the same command once with --forcerun extract_patches (unchanged "
            "images are not computed again)"
        )


def tables_digest(*paths: str | None) -> str:
    """Return a digest of tables by content: of a table that a backup restored, time is no guide.

    None stands for a table that the config does not name.
    """
    return digest_value([digest_file(path) for path in paths if path and os.path.exists(path)])


def is_of_this_run(dag: Any, path: str | os.PathLike[str]) -> bool:
    """Return whether a result is what a run that succeeded was to leave: made by it, or current.

    Parameters
    ----------
    dag
        Snakemake's `workflow.dag`. What its targets do not stand on is not in this run, although
        `--until` leaves it in the graph.
    path
        A result's path, as its rule names it.
    """
    return any(
        os.path.normpath(path) == os.path.normpath(str(output))
        for job in dag.bfs(dag.dependencies, *dag.targetjobs)
        for output in job.output
    )


@cache
def code_digest(script: str) -> str:
    """Return a digest of a script and of all it imports from this package, at any depth.

    Snakemake tracks the text of a script but not of the modules behind it.
    """
    seen: dict[str, str] = {}
    waiting = [Path(script)]
    while waiting:
        path = waiting.pop()
        name = path.name if str(path) == script else path.relative_to(PACKAGE_ROOT).as_posix()
        if name not in seen:
            content = path.read_bytes()
            seen[name] = digest_bytes(content)
            waiting += _imported_modules(content)
    return digest_value(seen)


@cache
def folder_digest(folder: str) -> str:
    """Return a digest of all files in a folder, at any depth, with their places in it."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return digest_value({path.relative_to(folder).as_posix(): digest_file(path) for path in files})


@cache
def _imported_modules(content: bytes) -> tuple[Path, ...]:
    names: set[str] = set()
    for module, wanted, alone in _IMPORT.findall(content.decode("utf-8")):
        names.update(filter(None, (module, alone)))
        names.update(f"{module}.{name}" for name in _NAME.findall(wanted))
    packages = {name.rsplit(".", i)[0] for name in names for i in range(name.count(".") + 1)}
    return tuple(
        path for name in sorted(names | packages) if (path := _module_file(name)) is not None
    )


def _module_file(name: str) -> Path | None:
    base = PACKAGE_ROOT.joinpath(*name.split("."))
    candidates = [base.with_suffix(".py"), base / "__init__.py"]
    return next((path for path in candidates if path.is_file()), None)


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


def _has_record(output: str) -> bool:
    """Return whether Snakemake holds a record of `output` (the layout of its file persistence)."""
    name = base64.urlsafe_b64encode(output.encode()).decode()
    return any(Path(".snakemake", kind, name).exists() for kind in ("metadata", "incomplete"))
