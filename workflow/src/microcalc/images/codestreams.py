"""Headers of JPEG, JPEG-LS and JPEG 2000 streams: size, bits and end, checked before decoding."""

import re
import struct
from collections.abc import Iterator

import numpy as np

_JPEG, _JPEG2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
_BOXES = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
# Start of frame, all processes of ITU-T T.81 and JPEG-LS; 0xC4, 0xC8 and 0xCC are other markers.
_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_ALONE = {0x01, *range(0xD0, 0xD9)}
_END, _SCAN, _LINES = 0xD9, 0xDA, 0xDC
# Expressions, since a view of a file's bytes can be searched by nothing else.
_SIZ, _TILE_DATA = re.compile(rb"\xff\x4f\xff\x51"), re.compile(rb"\xff\x93")
_END_MARKER = re.compile(rb"\xff\xd9")
_DEPTH_IN_SIZ = 42
# In entropy-coded data 0xFF is followed by less than 0x80 (JPEG-LS), by 0, or by a restart marker.
_NEXT_MARKER = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
_NEAR, _PIECE, _PADDING = 2**10, 2**17, 2**10

Stream = bytes | memoryview
Size = tuple[int, int, int]
"""Rows, columns and components."""


def stated_sizes(stream: Stream) -> set[Size]:
    """Return every size that a JPEG, JPEG-LS or JPEG 2000 stream states, wherever it does.

    A decoder allocates and works by these numbers, so that a damaged stream of a small image can
    cost minutes and gigabytes unless all of them are compared with the file's own first. A JPEG
    stream can have several start-of-frame segments, and give its rows after the first scan; a
    JPEG 2000 codestream can lie in the boxes of a JP2 or JPH file, which state a size too.

    Parameters
    ----------
    stream
        One compressed frame.

    Returns
    -------
    set of tuple of int
        (rows, columns, components); empty where none is stated, and of another kind of stream.

    References
    ----------
    ITU-T T.81 B.2.2 and B.2.5 (JPEG), T.87 C.2.2 (JPEG-LS), T.800 A.5.1 and I.5.3.1 (JPEG 2000).

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> from microcalc.images import codestreams
    >>> file = io.BytesIO()
    >>> Image.new("L", (3, 2)).save(file, "JPEG")
    >>> codestreams.stated_sizes(file.getvalue())
    {(2, 3, 1)}
    """
    if _begins(stream, _BOXES):
        return set(_of_boxes(stream))
    if _begins(stream, _JPEG2000):
        return set(_of_codestream(stream))
    if _begins(stream, _JPEG):
        return set(_of_jpeg(stream))
    return set()


def stated_bits(stream: Stream) -> int | None:
    """Return the bits per sample of a JPEG, JPEG-LS or JPEG 2000 stream.

    Parameters
    ----------
    stream
        One compressed frame; a JPEG 2000 codestream may lie in the boxes of a JP2 or JPH file.

    Returns
    -------
    int or None
        None where they are not stated, and of another kind of stream.

    References
    ----------
    The start of the frame in JPEG and JPEG-LS (ITU-T T.81 B.2.2, T.87 C.2.2), SIZ in JPEG 2000
    (T.800 A.5.1).

    Examples
    --------
    >>> import imagecodecs
    >>> import numpy as np
    >>> from microcalc.images import codestreams
    >>> pixels = np.full((2, 3), 3000, dtype=np.uint16)
    >>> codestreams.stated_bits(imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=12))
    12
    """
    if _begins(stream, _JPEG):
        bodies = (body for _, marker, body in _segments(stream) if marker in _FRAME)
        return next((body[0] for body in bodies if body), None)
    siz = _SIZ.search(stream)
    if siz is None or siz.start() + _DEPTH_IN_SIZ >= len(stream):
        return None
    return (stream[siz.start() + _DEPTH_IN_SIZ] & 0x7F) + 1


def is_cut_short(stream: Stream) -> bool:
    """Return whether a JPEG, JPEG-LS or JPEG 2000 stream lacks its end marker.

    Some decoders fill what is missing with grey and say nothing. Coded data cannot hold the two
    bytes of the marker, so that whatever pads a frame may follow it, and neither data nor padding
    passes for it.

    Parameters
    ----------
    stream
        One compressed frame.

    Returns
    -------
    bool
        False of another kind of stream.

    References
    ----------
    ITU-T T.81 F.1.2.3 (JPEG), T.87 A.1 (JPEG-LS), T.800 B.10.1 (JPEG 2000).

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> from microcalc.images import codestreams
    >>> file = io.BytesIO()
    >>> Image.new("L", (3, 2)).save(file, "JPEG")
    >>> whole = file.getvalue()
    >>> codestreams.is_cut_short(whole), codestreams.is_cut_short(whole[:-2])
    (False, True)
    """
    if _begins(stream, _JPEG):
        scan = next((at for at, marker, _ in _segments(stream) if marker == _SCAN), None)
    elif siz := _SIZ.search(stream):
        tile = _TILE_DATA.search(stream, siz.start())
        scan = tile and tile.start()
    else:
        return False
    if scan is None:
        return True
    # At the back, where it is, before all of the coded data is looked through.
    return not any(
        _END_MARKER.search(stream, max(scan, first)) for first in (len(stream) - _PADDING, scan)
    )


def codestream(stream: Stream) -> Stream:
    """Return the JPEG 2000 codestream in the boxes of a JP2 or JPH file, or `stream` as it is.

    DICOM wants the codestream alone; what the boxes add, such as a palette, is none of its
    business.

    Parameters
    ----------
    stream
        One compressed frame.

    Returns
    -------
    bytes or memoryview
        Empty where the boxes hold no codestream.

    References
    ----------
    DICOM PS3.5 A.4.4; ITU-T T.800 I.5.4.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> from microcalc.images import codestreams
    >>> file = io.BytesIO()
    >>> Image.new("L", (3, 2)).save(file, "JPEG2000")
    >>> boxed = file.getvalue()
    >>> boxed[4:8], bytes(codestreams.codestream(boxed)[:4]).hex()
    (b'jP  ', 'ff4fff51')
    """
    if not _begins(stream, _BOXES):
        return stream
    return next((body for kind, body in _boxes(memoryview(stream)) if kind == b"jp2c"), b"")


def _begins(stream: Stream, start: bytes) -> bool:
    return stream[: len(start)] == start


def _of_codestream(stream: Stream) -> Iterator[Size]:
    """Read the SIZ segment: the image's extent and origin on the grid (ITU-T T.800 A.5.1).

    Tiles have no part in the size, and a component can be stored on a coarser grid.
    """
    if len(stream) < 43:
        return
    width, height, left, top = struct.unpack(">4I", stream[8:24])
    (components,) = struct.unpack(">H", stream[40:42])
    yield height - top, width - left, components


def _of_boxes(stream: Stream) -> Iterator[Size]:
    """Read the image header boxes and the codestreams (ITU-T T.800 I.5.3.1)."""
    for kind, body in _boxes(memoryview(stream)):
        if kind == b"jp2c":
            yield from _of_codestream(body)
        elif kind == b"jp2h":
            for inner, header in _boxes(body):
                if inner == b"ihdr" and len(header) >= 10:
                    rows, columns, components = struct.unpack(">IIH", header[:10])
                    yield rows, columns, components


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Walk boxes: a length of 0 reaches to the end, 1 means eight bytes of length follow."""
    at = 0
    while at + 8 <= len(data):
        length, head = int.from_bytes(data[at : at + 4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        length = length or len(data) - at
        yield bytes(data[at + 4 : at + 8]), data[at + head : at + length]
        at += max(length, head)


def _of_jpeg(stream: Stream) -> Iterator[Size]:
    """Walk the marker segments to the end of the image (T.81 B.1, B.2.2, B.2.5)."""
    columns = components = 0
    for _, marker, body in _segments(stream):
        if marker in _FRAME and len(body) >= 6:
            rows, columns, components = struct.unpack(">HHB", body[1:6])
            # No rows: a segment after the first scan says how many.
            if rows:
                yield rows, columns, components
        elif marker == _LINES and len(body) >= 2:
            yield int.from_bytes(body[:2], "big"), columns, components


def _segments(stream: Stream) -> Iterator[tuple[int, int, Stream]]:
    """Return place, marker and content of every segment, the coded data skipped (T.81 B.1)."""
    at = 2
    while at + 2 <= len(stream):
        marker = stream[at + 1]
        if stream[at] != 0xFF or marker == 0:
            # No marker where one is due: a decoder looks for the next one.
            at = _next_marker(stream, at)
        elif marker == 0xFF:  # fill bytes may stand before a marker
            at += 1
        elif marker in _ALONE:
            at += 2
        elif marker == _END:
            return
        else:
            length = int.from_bytes(stream[at + 2 : at + 4], "big")
            yield at, marker, stream[at + 4 : at + 2 + length]
            at += 2 + length
            if marker == _SCAN:
                at = _next_marker(stream, at)


def _next_marker(stream: Stream, at: int) -> int:
    """Return the place of the first marker from `at` on that ends coded data, or the end.

    Coded data hold a 0xFF in every few hundred bytes, at each of which an expression stops. Bytes
    are compared all at once instead, in pieces that stay in the processor's cache.
    """
    near = _NEXT_MARKER.search(stream, at, at + _NEAR)
    if near:
        return near.start()
    data, room = np.frombuffer(stream, np.uint8), np.empty(_PIECE, np.uint8)
    # One before, for a marker that began there.
    for first in range(at + _NEAR - 1, data.size - 1, _PIECE):
        each, after = data[first : first + _PIECE], data[first + 1 : first + _PIECE + 1]
        # All ones where a byte is, and the byte after it has its highest bit.
        both = np.bitwise_or(after, 0x7F, out=room[: after.size])
        if np.bitwise_and(both, each[: after.size], out=both).max() == 0xFF:
            # A restart marker or a fill byte, or what is looked for.
            found = _NEXT_MARKER.search(stream, first, first + _PIECE + 1)
            if found:
                return found.start()
    return len(stream)
