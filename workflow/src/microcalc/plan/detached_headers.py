"""Detached headers, with their pixels in a file beside them (MHD and RAW, NHDR and RAW)."""

# Planning reads this too: the standard library alone.

import os
import re
from collections.abc import Callable
from pathlib import Path

from microcalc.core.errors import StudyError

_MOST_HEADER = 2**16
_NAMES = {
    ".mhd": re.compile(rb"^[ \t]*ElementDataFile[ \t]*=[ \t]*([^\r\n]*?)[ \t]*\r?$", re.M),
    ".nhdr": re.compile(rb"^data ?file:[ \t]*([^\r\n]*?)[ \t]*\r?$", re.M | re.I),
}
_SKIP = re.compile(rb"^[ \t]*HeaderSize[ \t]*=[ \t]*(-?\d+)[^\n]*\n", re.M)
_HERE = {b"", b"LOCAL"}


def beside(path: str | os.PathLike[str]) -> list[str]:
    """Return the path of the file that holds a header's pixels, nothing for other files.

    A header that cannot be read, or names no file of its own folder, names none.
    """
    # Planning asks this of every file of a study.
    if not os.fspath(path).lower().endswith((*_NAMES,)):
        return []
    pattern = _NAMES[Path(path).suffix.lower()]
    try:
        with open(path, "rb") as file:
            name = _named(file.read(_MOST_HEADER), pattern)
    except (OSError, StudyError):
        return []
    return [os.path.join(os.path.dirname(path), name)] if name else []


def joined(path: str | os.PathLike[str], read: Callable[[str | os.PathLike[str]], bytes]) -> bytes:
    """Return a file's bytes; of an MHD or NHDR header those of one file with its pixels behind it.

    Parameters
    ----------
    path
        The file.
    read
        Reads each of the two.

    Raises
    ------
    OSError
        When `read` does.
    StudyError
        When the header names several files, or one that does not lie in its own folder: it could
        name any file of the machine.
    """
    header = read(path)
    pattern = _NAMES.get(Path(path).suffix.lower())
    if pattern is None or len(header) > _MOST_HEADER:
        return header
    name = _named(header, pattern)
    if name is None:
        return header
    pixels = read(os.path.join(os.path.dirname(path), name))
    if pattern is _NAMES[".nhdr"]:
        return pattern.sub(b"", header).rstrip() + b"\n\n" + pixels
    skip = _SKIP.search(header)
    if skip is not None:
        if int(skip[1]) < 0:
            raise StudyError("has a header with HeaderSize -1; save the image as one MHA file")
        header, pixels = _SKIP.sub(b"", header), pixels[int(skip[1]) :]
    # What follows the name of the file is no part of a header.
    before = pattern.split(header, maxsplit=1)[0]
    return before + b"ElementDataFile = LOCAL\n" + pixels


def _named(header: bytes, pattern: re.Pattern[bytes]) -> str | None:
    """Return the name of the file that a header gives; None when it holds the pixels itself."""
    found = pattern.search(header)
    if found is None or found[1].upper() in _HERE:
        return None
    name = found[1].decode("utf-8", errors="replace")
    if found[1].upper().startswith(b"LIST") or "%" in name or found[1].upper() == b"SKIPLIST":
        raise StudyError("is a header whose pixels lie in several files; save it as one file")
    if name in {".", ".."} or "/" in name or "\\" in name or ":" in name:
        raise StudyError(
            "is a header whose pixels lie in another folder; put the two files side by side, or "
            "save them as one (MHA for MHD and RAW, NRRD for NHDR)"
        )
    return name
