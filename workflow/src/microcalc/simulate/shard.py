"""One shard of the demo's DICOM files."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from microcalc.core.files import atomic_file, content_of
from microcalc.plan.phantom_folder import begin, begun_file, refuse_elsewhere, refuse_foreign
from microcalc.simulate import phantom_dicom
from microcalc.simulate.phantom import Phantom
from microcalc.simulate.scanner import expose

logger = logging.getLogger(__name__)


def make(
    rows: Sequence[Mapping[str, object]],
    image_folder: str | os.PathLike[str],
    *,
    results: str | os.PathLike[str],
    shard: int,
    seed: int,
) -> dict[str, str]:
    """Write one DICOM file per row where phantoms of a study belong, over no file but a phantom.

    Parameters
    ----------
    rows
        Rows of phantoms.csv; cells may be text.
    image_folder
        Where the rows' `path` starts from.
    results
        The study's results: every file comes to lie under `simulate` in there.
    shard
        The shard's number.
    seed
        The study's seed.

    Returns
    -------
    dict
        As `write`.

    Raises
    ------
    StudyError
        Before anything is written: where a file would lie elsewhere, or take the place of one
        that the simulation did not write; and as `write`.
    """
    refuse_elsewhere(str(image_folder), results, {"the phantoms table": rows})
    refuse_foreign(rows, image_folder, results)
    begin(rows, results, shard)
    return write(rows, image_folder, seed=seed)


def write(
    phantom_rows: Iterable[Mapping[str, object]], folder: str | os.PathLike[str], *, seed: int
) -> dict[str, str]:
    """Write one DICOM file per row under `folder` and return each file's SHA-256.

    Parameters
    ----------
    phantom_rows
        Rows of phantoms.csv; cells may be text.
    folder
        Where the rows' `path` starts from; made when missing.
    seed
        The study's seed. Same rows and seed give the same bytes.

    Returns
    -------
    dict
        From image_id to 64 hexadecimal digits, sorted by image_id.

    Raises
    ------
    StudyError
        When a row lacks a column, or holds text where a number belongs.
    """
    digests = {}
    for row in phantom_rows:
        phantom = Phantom.from_row(row)
        dataset = phantom_dicom.build(phantom, expose(phantom, seed=seed), seed=seed)
        path = Path(folder) / phantom.path
        with atomic_file(path) as file:
            file.write(phantom_dicom.encode(dataset))
        digests[phantom.image_id] = content_of(path).sha256
    logger.info("wrote %d images", len(digests))
    return dict(sorted(digests.items()))


def files(
    rows: Iterable[Mapping[str, object]], folder: str, *, results: str, shard: int
) -> list[str]:
    """Return the files that `make` leaves of a shard's rows, beside their digests.

    Parameters
    ----------
    rows, folder, results, shard
        As `make` takes them.
    """
    phantoms = [os.path.join(folder, Phantom.from_row(row).path) for row in rows]
    return [begun_file(results, shard), *phantoms]
