"""Folder of phantoms: where they may be written, and over no file of a user's.

Every plan reads this, so it imports the standard library alone.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from microcalc.core.errors import StudyError
from microcalc.core.files import read_json, write_json

MARK = b"2.25.258046406888543611706713382639186736800"
"""UID in the file meta information of every phantom, see `microcalc.simulate.phantom_dicom`."""

BEGUN = ".begun.json"

HEAD = 1024
"""In so many bytes from its start a phantom's file names its maker."""

Row = Mapping[str, Any]


def refuse_elsewhere(
    image_folder: str, results: str | os.PathLike[str], tables: Mapping[str, Iterable[Row]]
) -> None:
    """Refuse phantoms and images that would lie outside the phantoms' own folder.

    Parameters
    ----------
    image_folder
        The config's `cohort.image_folder`.
    results
        The study's results; phantoms are written under `simulate` in there alone.
    tables
        Rows with `image_id` and `path`, by the table's name: the phantoms' and the images'.

    Raises
    ------
    StudyError
        Where a place is outside that folder; image ids are listed, no paths.
    """
    own = own_folder(results)
    shown = Path(results, "simulate")
    if not _is_within(image_folder, own):
        raise StudyError(
            "simulate: a study whose images lie elsewhere cannot have this section, which would "
            f"write phantoms among them: cohort.image_folder is {image_folder}, and phantoms are "
            f"written under {shown} alone. For images of your own take the section simulate out "
            f"of the config; for a simulated study set cohort.image_folder to {shown / 'dicom'}"
        )
    for table, rows in tables.items():
        outside = [
            f"image {row.get('image_id', '')}"
            for row in rows
            if row.get("path") and not _is_within(os.path.join(image_folder, row["path"]), own)
        ]
        if outside:
            # Paths stay out of every message.
            raise StudyError.listing(
                "simulate: a study whose images lie elsewhere cannot have this section, which "
                f"writes phantoms under {shown} alone: by column path of {table}, "
                f"{len(outside)} files lie elsewhere. For images of your own take the section "
                "simulate out of the config; for a simulated study give paths inside "
                "cohort.image_folder",
                outside,
            )


def refuse_foreign(
    rows: Iterable[Row], image_folder: str | os.PathLike[str], results: str | os.PathLike[str]
) -> None:
    """Refuse phantoms that would take the place of a file that is none.

    Parameters
    ----------
    rows
        Rows of phantoms.csv with `image_id` and `path`.
    image_folder
        Where the paths start from.
    results
        The study's results. What a crash left of a file that `begin` recorded there need not tell
        any more what it was to be.

    Raises
    ------
    StudyError
        Listing the images at whose places such files lie.
    """
    known = _begun(results)
    foreign = [
        f"image {row['image_id']}"
        for row in rows
        if row.get("path")
        and not _is_ours(Path(image_folder, row["path"]), str(row["image_id"]) in known)
    ]
    if foreign:
        raise StudyError.listing(
            f"simulate: at the place of {len(foreign)} phantoms lies a file that the simulation "
            "did not write, and is left as it is; move these files out of cohort.image_folder, "
            "or, for images of your own, take the section simulate out of the config",
            foreign,
        )


def begin(rows: Iterable[Row], results: str | os.PathLike[str], shard: int) -> None:
    """Record, before the first of them is written, of which images the files will be phantoms."""
    record = Path(begun_file(results, shard))
    write_json(sorted(_named(record) | {str(row["image_id"]) for row in rows}), record)


def begun_file(results: str | os.PathLike[str], shard: int) -> str:
    """Return the file that says of which images a shard's files are phantoms."""
    return os.path.join(results, "simulate", f"shard-{shard}{BEGUN}")


def own_folder(results: str | os.PathLike[str]) -> str:
    """Return the one folder under which phantoms are written, links above it followed."""
    return os.path.join(os.path.realpath(results), "simulate")


def _is_within(path: str | os.PathLike[str], folder: str) -> bool:
    real = os.path.realpath(path)
    return real == folder or real.startswith(os.path.join(folder, ""))


def _is_ours(path: Path, is_begun: bool) -> bool:
    """Return whether nothing lies there, or a phantom, or what a crash left of one."""
    if path.is_symlink():
        return False
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except FileNotFoundError:
        return True
    except IsADirectoryError:
        return False
    # A disk that lost power gives back zeros, or a file cut short: no image is so small.
    torn = len(head) < HEAD or not any(head)
    return MARK in head or (is_begun and torn)


def _begun(results: str | os.PathLike[str]) -> set[str]:
    records = Path(own_folder(results)).glob(f"*{BEGUN}")
    return {name for record in records for name in _named(record)}


def _named(record: Path) -> set[str]:
    try:
        return set(map(str, read_json(record)))
    except (FileNotFoundError, StudyError):  # none yet, or itself torn
        return set()
