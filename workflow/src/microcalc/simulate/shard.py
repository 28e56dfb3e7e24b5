"""One shard of the demo's DICOM files."""

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from microcalc.files import atomic_path, digest_file
from microcalc.simulate import dicom
from microcalc.simulate.phantom import Phantom
from microcalc.simulate.scanner import expose

logger = logging.getLogger(__name__)


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
        dataset = dicom.build(phantom, expose(phantom, seed=seed), seed=seed)
        path = Path(folder) / phantom.path
        with atomic_path(path) as temporary:
            dicom.save(dataset, temporary)
        digests[phantom.image_id] = digest_file(path)
    logger.info("wrote %d images", len(digests))
    return dict(sorted(digests.items()))
