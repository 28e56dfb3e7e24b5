"""Checks before any job: files that are missing, folders that are read-only."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from microcalc.core.errors import StudyError
from microcalc.plan.shard_rows import Row, named_files
from microcalc.plan.snakemake_habits import has_record
from microcalc.plan.stored_digest import read_digest


def missing_images(rows: Iterable[Row], image_folder: str) -> list[str]:
    """Return the `image_id` of every image that names a file which is not there, each once.

    Parameters
    ----------
    rows
        Rows of the images table.
    image_folder
        The config's `cohort.image_folder`.
    """
    missing = [
        row["image_id"]
        for row in rows
        if not all(os.path.exists(path) for path in named_files(row, image_folder))
    ]
    # Several readers' rows may name one image.
    return list(dict.fromkeys(missing))


def refuse_missing_images(rows: Iterable[Row], image_folder: str) -> None:
    """Refuse images whose files are not there.

    Parameters
    ----------
    rows
        Rows of the images table.
    image_folder
        The config's `cohort.image_folder`.

    Raises
    ------
    StudyError
        Listing the images whose files are not there, by their ids and not by their paths, in which
        hospitals write names.
    """
    missing = missing_images(rows, image_folder)
    if missing:
        raise StudyError.listing(
            f"{len(missing)} images of the study have no file under the config's "
            "cohort.image_folder; restore the files or correct `path` in the images table",
            [f"image {image_id}" for image_id in missing],
        )


def refuse_missing_columns(tables: Mapping[str, str]) -> None:
    """Refuse sets whose columns come from a table that is not there.

    Parameters
    ----------
    tables
        By set, see `feature_sets.tables_given`.

    Raises
    ------
    StudyError
        Listing these sets and the tables' paths.
    """
    missing = {name: path for name, path in tables.items() if not os.path.isfile(path)}
    if missing:
        raise StudyError.listing(
            "Features that were computed elsewhere are missing; correct the path in the config or, "
            "where frozen models are applied, put the file beside the cohort's tables",
            [f"features.{name}: there is no file {path}" for name, path in missing.items()],
        )


def refuse_read_only(folder: str | os.PathLike[str], *, is_deep: bool = True) -> None:
    """Refuse a folder in which nothing can be written, or that cannot be made.

    Parameters
    ----------
    folder
        What a run writes in; it need not be there yet.
    is_deep
        Whether a run also writes in all folders below, and not just in those at the top of it.

    Raises
    ------
    StudyError
        With the first folder that is closed to this user, and whose it is: another user's run
        may have left a part of them.
    """
    place = Path(folder)
    while not place.exists():
        place = place.parent
    inside = _folders(place, is_deep=is_deep) if place == Path(folder) else [place]
    closed = next((one for one in inside if not os.access(one, os.W_OK | os.X_OK)), None)
    if closed is not None:
        raise StudyError(
            f"{Path(folder)} cannot be written: {closed.absolute()} is read-only, for this user at "
            f"least (it belongs to {_owner(closed)}); change its permissions or its mount, or copy "
            "the config and the tables to a folder where you may write, and run there"
        )


def _folders(place: Path, *, is_deep: bool) -> Iterator[Path]:
    for at, below, _ in os.walk(place):
        yield Path(at)
        below.sort()
        if Path(at) != place and not is_deep:
            below.clear()


def _owner(place: Path) -> str:
    try:
        return place.owner()
    except KeyError:  # a number without a name on this machine
        return f"user {place.stat().st_uid}"


def refuse_forgotten_change(shard_file: str, digest: Callable[[], str]) -> None:
    """Refuse a shard that is out of date where Snakemake cannot know it.

    Snakemake compares the digest of a shard's rows with the one it noted under
    `.snakemake/metadata`. With that folder gone a changed mammogram would go unseen, so the
    digest stored in the shard itself is held against the present one.

    Parameters
    ----------
    shard_file
        The file of a shard's patches, which need not be there.
    digest
        Gives the present planning digest; it is asked only where there is no record.

    Raises
    ------
    StudyError
        Where the shard was made from something else, and there is no record of it.
    """
    if not os.path.exists(shard_file) or has_record(shard_file):
        return
    if read_digest(shard_file) not in (digest(), None):
        raise StudyError(
            f"{shard_file}: made from other images or another images table than today's, and "
            "Snakemake's own record of it (.snakemake/metadata) is gone, so that it would not be "
            "made again; run the same command once with --forcerun extract_patches (unchanged "
            "images are not computed again)"
        )
