"""Planning digest stored in a shard: what it was made from. Imports nothing heavy."""

import json
import os
import zipfile
from collections.abc import Callable

MEMBER = "meta.json"


def read_digest(path: str | os.PathLike[str]) -> str | None:
    """Return the planning digest stored in a shard, or None when there is no readable one."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(MEMBER).compress_type != zipfile.ZIP_STORED:
                return None
            digest = json.loads(archive.read(MEMBER))["digest"]
    except (OSError, RecursionError, KeyError, TypeError, ValueError, zipfile.BadZipFile):
        return None
    return digest if isinstance(digest, str) else None


def is_up_to_date(shard_file: str, digest: Callable[[], str]) -> bool:
    """Return whether a shard is there and was made from what it would be made from now.

    Parameters
    ----------
    shard_file
        The shard.
    digest
        Gives the digest of that; it is asked for where the shard is there.
    """
    return os.path.exists(shard_file) and read_digest(shard_file) == digest()
