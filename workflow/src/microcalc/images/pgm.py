"""Reading PGM, the gray map of Netpbm (pgm(5)): plain (P2) and raw (P5), 8 and 16 bits."""

import re

import numpy as np
from numpy.typing import NDArray

from microcalc.core.errors import StudyError

# Words are parted by white space; a comment reaches from # to the end of its line.
_GAP = rb"(?:\s|#[^\n]*\n)+"
_HEADER = re.compile(rb"P([25])" + (_GAP + rb"(\d{1,9})") * 3 + rb"(?:#[^\n]*\n|\s)")
_COMMENT = re.compile(rb"#[^\n]*")
_START = re.compile(rb"P[25][\s#]")


def is_pgm(data: bytes) -> bool:
    """Return whether a file begins as a PGM file does.

    Parameters
    ----------
    data
        The file, or its first bytes.

    Returns
    -------
    bool
        Also for a damaged one.

    Examples
    --------
    >>> from microcalc.images import pgm
    >>> pgm.is_pgm(b"P2 2 1 255 0 255"), pgm.is_pgm(b"GIF89a")
    (True, False)
    """
    return _START.match(data) is not None


def header(data: bytes) -> tuple[int, int, int]:
    """Return rows, columns and the highest value a pixel may have.

    Parameters
    ----------
    data
        The file.

    Returns
    -------
    rows, columns, highest : int
        The last up to 65535.

    Raises
    ------
    StudyError
        When the header is damaged.

    Examples
    --------
    >>> from microcalc.images import pgm
    >>> pgm.header(b"P2 2 1 255 0 255")
    (1, 2, 255)
    """
    found = _found(data)
    columns, rows, highest = (int(found[i]) for i in (2, 3, 4))
    if not 1 <= highest < 2**16:
        raise StudyError(
            "has a PGM header with an impossible highest value; expected 1 to 65535",
            detail=str(highest),
        )
    return rows, columns, highest


def pixels(data: bytes) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return (rows, columns), of 8 bits where the highest value allows it.

    Parameters
    ----------
    data
        The file.

    Returns
    -------
    numpy.ndarray
        Uint8 or uint16, (rows, columns).

    Raises
    ------
    StudyError
        When there are fewer or more pixels than the header says, or higher ones than it allows.

    Examples
    --------
    >>> from microcalc.images import pgm
    >>> pgm.pixels(b"P2 2 1 255 0 255")
    array([[  0, 255]], dtype=uint8)
    """
    rows, columns, highest = header(data)
    found, kind = _found(data), np.dtype(np.uint8 if highest < 2**8 else np.uint16)
    if found[1] == b"5":
        raw = data[found.end() :]
        count = len(raw) // kind.itemsize
        stored = np.frombuffer(raw[: count * kind.itemsize], kind.newbyteorder(">"))
        # An editor or transfer may leave white space behind the last pixel.
        extra = raw[rows * columns * kind.itemsize :].strip()
    else:
        text = _COMMENT.sub(b"", data[found.end() :]).decode("ascii")
        numbers = np.fromstring(text, dtype=np.int64, sep=" ")
        count, stored = numbers.size, numbers
        extra = b"" if count <= rows * columns else b"more"
    if count < rows * columns:
        raise StudyError(
            "is cut short: it holds fewer pixels than its PGM header asks for; export it again",
            detail=f"{count} of {rows * columns} pixels",
        )
    if extra:
        raise StudyError(
            "holds more than its PGM header asks for: another image, or pixels of another size "
            "or depth; save one image with the right header"
        )
    stored = stored[: rows * columns].reshape(rows, columns)
    if stored.max() > highest or stored.min() < 0:
        raise StudyError(
            "has pixels above the highest value that its PGM header allows; export it again",
            detail=f"{stored.max()}, allowed {highest}",
        )
    return stored.astype(kind)


def _found(data: bytes) -> re.Match[bytes]:
    found = _HEADER.match(data)
    if found is None:
        raise StudyError("has a damaged PGM header; expected width, height and highest value")
    return found
