"""Fetching published weights into a cache that all studies share."""

import hashlib
import logging
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch

from microcalc.config.backbones import TIMM, parts
from microcalc.core.errors import StudyError
from microcalc.core.files import digest_file

SILENCE_S = 60.0
HUB_FILE = "model.safetensors"
"""What a hub's repository calls its weights; it may have a pickled file too, which is not taken."""

log = logging.getLogger(__name__)


def cache_folder(backbone: str = "") -> Path:
    """Return torch's own download folder, so that files it already has are found; or the hub's.

    Parameters
    ----------
    backbone
        What a network is known by; timm's are fetched from a hub.

    Returns
    -------
    pathlib.Path
        It need not be there.
    """
    if parts(backbone)[0] == TIMM:
        from huggingface_hub import constants  # type: ignore[import-not-found,unused-ignore]

        return Path(constants.HF_HUB_CACHE)
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


def from_hub(
    repository: str,
    *,
    folder: str | os.PathLike[str] | None = None,
    endpoint: str | None = None,
    attempts: int = 3,
    wait_s: float = 2.0,
) -> Path:
    """Return the weights of a hub's repository, by the hub's own client and from its own cache.

    The client keeps a file under the SHA-256 that the hub promised: what it has is held against
    that, and downloaded again where it is damaged.

    Parameters
    ----------
    repository
        Such as ``timm/vit_small_patch16_224.dino``.
    folder
        The cache; the client's own by default.
    endpoint
        The hub; the client's own by default.
    attempts, wait_s
        As of `fetch`.

    Returns
    -------
    pathlib.Path
        Of a safetensors file whose content is what was promised.

    Raises
    ------
    OSError
        When the file cannot be had.
    StudyError
        When the client is not installed, the repository has no safetensors file, or what was
        downloaded is not what was promised.
    """
    try:
        import huggingface_hub as hub  # type: ignore[import-not-found,unused-ignore]
    except ModuleNotFoundError as error:
        raise StudyError(
            f"features.<name>.weights: {repository} is fetched by a client that is not installed "
            f"here ({error}); install it with: pip install 'microcalc[features]'"
        ) from None

    def get(**how: Any) -> Path:
        where: dict[str, Any] = {"cache_dir": folder, "endpoint": endpoint, "token": False}
        return Path(str(hub.hf_hub_download(repository, HUB_FILE, **where, **how)))

    is_damaged = False
    try:
        path = get(local_files_only=True)
        if _is_as_promised(path):
            return path
        is_damaged = True
        log.warning("%s of %s in the cache is damaged (its hash differs)", HUB_FILE, repository)
    except FileNotFoundError:
        pass  # not there yet
    for attempt in range(1, attempts + 1):
        try:
            path = get(force_download=is_damaged)
            if _is_as_promised(path):
                return path
            is_damaged = True
            failure: Exception = StudyError(
                f"{repository}: the downloaded {HUB_FILE} is not the published one; a proxy may "
                "have answered in its place"
            )
        except hub.errors.RemoteEntryNotFoundError:
            raise StudyError(
                f"features.<name>.weights: {repository} has no {HUB_FILE}, and no other form is "
                "taken from a hub, since it could run code; download it yourself, save its state "
                "dict as safetensors and give the path"
            ) from None
        except OSError as error:
            failure = error
        except ValueError as error:  # what the client says where a damaged file's hub is away
            failure = OSError(str(error.__cause__ or error))
        log.warning("%s: attempt %d of %d failed: %s", repository, attempt, attempts, failure)
        if attempt < attempts:
            time.sleep(wait_s * 2 ** (attempt - 1))
    raise failure


def _is_as_promised(path: Path) -> bool:
    """Return whether a file in the hub's cache has the SHA-256 that it is kept under."""
    promised = path.resolve().name
    return re.fullmatch(r"[0-9a-f]{64}", promised) is not None and digest_file(path) == promised


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
