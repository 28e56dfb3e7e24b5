"""What a file's content may cost, and how what is wrong with it is told."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from microcalc.errors import StudyError

MOST_PIXELS = 200_000_000
"""No mammogram has more (0.02 mm over 300 x 240 mm); a header that claims more is not believed."""


def read_bytes(path: str | os.PathLike[str], *, image_id: str) -> bytes:
    """Return a file's bytes; an OSError names the image and what happened, never the path.

    Raises
    ------
    OSError
        Of the same kind and number as the system's own.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        message = f"image {image_id}: its file could not be read: {reason}"
        raise type(error)(error.errno or 0, message) from None


@contextmanager
def content_errors(image_id: str, what: str = "its content") -> Iterator[None]:
    """Turn whatever a parser or decoder throws at bad content into one sentence with the image."""
    start = f"image {image_id}: "
    try:
        yield
    except StudyError as error:
        reason = start + error.reason.removeprefix(start)
        raise StudyError(reason, detail=error.detail) from None
    except MemoryError:
        raise
    except BaseException as error:
        # A panic in a decoder written in Rust is no Exception, but is about content too.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        found = undecodable(type(error).__name__, what)
        raise StudyError(start + found.reason, detail=found.detail) from None


def undecodable(kind: str, what: str = "its content") -> StudyError:
    """Return the error for content that a parser or decoder gives up.

    Decoders raise every kind of exception. Their text may quote the file, so that only the kind is
    passed on.
    """
    return StudyError(
        f"{what} could not be decoded ({kind}); "
        "the file is damaged or of another kind: export it again"
    )
