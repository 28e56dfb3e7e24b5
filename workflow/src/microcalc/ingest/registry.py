"""The collections by name, and the one way through an ingest."""

import difflib
import os
from pathlib import Path

from microcalc.core.errors import StudyError
from microcalc.ingest import cbis_ddsm, cmmd, embed, generic, inbreast, mias, omi_db, vindr_mammo
from microcalc.ingest.collection import Collection
from microcalc.ingest.ledger import Ledger
from microcalc.ingest.record import Record

_ALL = (
    cbis_ddsm.COLLECTION,
    cmmd.COLLECTION,
    embed.COLLECTION,
    generic.COLLECTION,
    inbreast.COLLECTION,
    mias.COLLECTION,
    omi_db.COLLECTION,
    vindr_mammo.COLLECTION,
)
COLLECTIONS = {collection.name: collection for collection in _ALL}


def named(name: str) -> Collection:
    """Return the collection of that name, as `ingest=` takes it.

    Raises
    ------
    StudyError
        Naming the collections there are, and the nearest.

    Examples
    --------
    >>> from microcalc.ingest import registry
    >>> registry.named("cmmd").title
    'CMMD with TOMPEI-CMMD'
    """
    if name not in COLLECTIONS:
        near = difflib.get_close_matches(name.lower(), COLLECTIONS, n=1, cutoff=0.4)
        hint = f" (did you mean {near[0]!r}?)" if near and name else ""
        raise StudyError(
            f"ingest={name}: no such collection{hint}; there are {', '.join(COLLECTIONS)}. Write "
            "--config ingest=<name> source=<folder>"
        )
    return COLLECTIONS[name]


def account(collection: Collection, source: str | os.PathLike[str]) -> list[Record]:
    """Return what becomes of every row and file of a collection's folder.

    Parameters
    ----------
    collection
        Whose adapter reads it.
    source
        The folder.

    Raises
    ------
    StudyError
        When there is no such folder, or the collection's tables are not in it.
    """
    if not source or not Path(source).is_dir():
        raise StudyError(
            f"source={os.fspath(source)}: there is no such folder; name the one that holds "
            f"{collection.title}"
        )
    ledger = Ledger(Path(source))
    collection.read(ledger)
    return ledger.records()
