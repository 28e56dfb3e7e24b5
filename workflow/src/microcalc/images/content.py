"""File reading within limits, and bad content told in one sentence that names the image."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from microcalc.core.errors import StudyError

MOST_PIXELS = 200_000_000
"""No mammogram has more (0.02 mm over 300 x 240 mm); a header that claims more is not believed."""


MOST_FILE_GB = 2.0
"""Files of more are not read, unless images.max_file_gb says so."""


def read_bytes(
    path: str | os.PathLike[str], *, image_id: str, max_gb: float = MOST_FILE_GB
) -> bytes:
    """Return a file's bytes; an error names the image and what happened, never the path.

    Parameters
    ----------
    path
        The file.
    image_id
        The image's name in messages.
    max_gb
        The most that is read, in 10^9 bytes.

    Returns
    -------
    bytes
        All of it.

    Raises
    ------
    OSError
        Of the same kind and number as the system's own.
    StudyError
        When it is no file but a device or pipe, or larger than `max_gb` (10^9 bytes): it is
        looked at before it is read.

    Examples
    --------
    >>> from microcalc.images import content
    >>> content.read_bytes("Mustermann.dcm", image_id="C001_CC")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    FileNotFoundError: [Errno 2] image C001_CC: its file could not be read: No such file ...
    """
    try:
        found = os.stat(path)
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise StudyError(f"image {image_id}: its path leads to a device or pipe, not to a file")
        if found.st_size > max_gb * 1e9:
            raise StudyError(
                f"image {image_id}: its file is larger than images.max_file_gb allows",
                detail=f"{found.st_size / 1e9:.1f} GB, allowed {max_gb:g} GB",
            )
        return Path(path).read_bytes()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        message = f"image {image_id}: its file could not be read: {reason}"
        raise type(error)(error.errno or 0, message) from None


@contextmanager
def content_errors(image_id: str, what: str = "its content") -> Iterator[None]:
    """Turn whatever a parser or decoder throws at bad content into one sentence with the image.

    Parameters
    ----------
    image_id
        The image's name.
    what
        What could not be read.

    Yields
    ------
    None
        To the block that parses.

    Raises
    ------
    StudyError
        For whatever the block raised, but a MemoryError and what ends a program.

    Examples
    --------
    >>> from microcalc.images import content
    >>> with content.content_errors("C001_CC"):  # doctest: +ELLIPSIS
    ...     int("a number that quotes the file")
    Traceback (most recent call last):
        ...
    microcalc.core.errors.StudyError: image C001_CC: its content could not be decoded; ...
    """
    start = f"image {image_id}: "
    try:
        yield
    except UndecodableError as error:
        raise StudyError(f"{start}{what} {error.reason}", detail=error.detail) from None
    except StudyError as error:
        raise error.beginning(start) from None
    except MemoryError:
        raise
    except BaseException as error:
        # A panic in a decoder written in Rust is no Exception, but is about content too.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        found = undecodable(type(error).__name__)
        raise StudyError(f"{start}{what} {found.reason}", detail=found.detail) from None


class UndecodableError(StudyError):
    """What a parser or decoder does with content that it cannot read, as a predicate."""


def undecodable(kind: str) -> UndecodableError:
    """Return the error for content that a parser or decoder gives up.

    Decoders raise every kind of exception. Their text may quote the file, so that only the kind is
    passed on, and is a detail: the fault is one, whoever finds it.

    Parameters
    ----------
    kind
        Of exception.

    Returns
    -------
    UndecodableError
        To be raised.

    Examples
    --------
    >>> from microcalc.images import content
    >>> content.undecodable("ValueError").detail
    'ValueError'
    """
    return UndecodableError(
        "could not be decoded; the file is damaged or of another kind: export it again",
        detail=kind,
    )
