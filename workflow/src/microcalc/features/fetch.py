"""Fetching ImageNet weights into a cache that all studies share."""

import hashlib
import logging
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import torch

from microcalc.core.errors import StudyError

SILENCE_S = 60.0

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return torch's own download folder, so that files it already has are found.

    Returns
    -------
    pathlib.Path
        It need not be there.
    """
    return Path(torch.hub.get_dir()) / "checkpoints"


def fetch(
    url: str, folder: str | os.PathLike[str], *, attempts: int = 3, wait_s: float = 2.0
) -> Path:
    """Return the file of `url` in `folder`, downloading it when it is not there or is damaged.

    Parameters
    ----------
    url
        Its file name ends in the first digits of the content's SHA-256, as torchvision's do:
        ``resnet101-cd907fc2.pth``.
    folder
        The cache.
    attempts
        How often a download is tried.
    wait_s
        Seconds before the second try; each further one waits twice as long.

    Returns
    -------
    pathlib.Path
        Of a file whose content is what its name promises.

    Raises
    ------
    OSError
        When the file cannot be had (no network, no such file, no space).
    StudyError
        When what was downloaded is not what its name promises.
    ValueError
        When the name promises nothing.
    """
    path = cached(url, folder)
    if path is not None:
        return path
    target = Path(folder) / name_of(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, attempts + 1):
        try:
            with _answers_within(SILENCE_S):
                torch.hub.download_url_to_file(
                    url, str(target), hash_prefix=_hash_in(target.name), progress=False
                )
            return target
        # A connection that broke off looks to torch like a file with another hash.
        except (OSError, RuntimeError) as error:
            log.warning("%s: attempt %d of %d failed: %s", target.name, attempt, attempts, error)
            failure = error
        if attempt < attempts:
            time.sleep(wait_s * 2 ** (attempt - 1))
    if isinstance(failure, OSError):
        raise failure
    raise StudyError(
        f"{target.name}: the downloaded file is not the published one ({failure}); "
        "a proxy may have answered in its place"
    )


@contextmanager
def _answers_within(seconds: float) -> Iterator[None]:
    """Let no connection be silent for longer: torch waits for ever, and some firewalls do too."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def cached(url: str, folder: str | os.PathLike[str]) -> Path | None:
    """Return the file of `url` in the cache if it is there and whole.

    Parameters
    ----------
    url, folder
        As of `fetch`.

    Returns
    -------
    pathlib.Path or None
        None of one that is missing, or has another SHA-256 than its name promises.

    Raises
    ------
    ValueError
        When the name promises nothing.
    """
    path = Path(folder) / name_of(url)
    if not path.is_file():
        return None
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest.startswith(_hash_in(path.name)):
        return path
    log.warning("%s in the cache is damaged (its hash differs)", path.name)
    return None


def name_of(url: str) -> str:
    """Return the file name that a URL ends in.

    Parameters
    ----------
    url
        With or without a query behind it.

    Returns
    -------
    str
        The last part of its path.

    Examples
    --------
    >>> from microcalc.features import fetch
    >>> fetch.name_of("https://example.org/models/resnet101-cd907fc2.pth?version=2")
    'resnet101-cd907fc2.pth'
    """
    return Path(urlparse(url).path).name


def _hash_in(name: str) -> str:
    match = re.search(r"-([0-9a-f]{8,64})\.[A-Za-z]+$", name)
    if match is None:
        raise ValueError(f"{name}: no hash in the name, so the content cannot be checked")
    return match.group(1)
