"""What a compressed frame says about its own size, read before a decoder believes it."""

import struct

_JPEG, _JPEG2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
# Start of frame, all processes of ITU-T T.81 and JPEG-LS; 0xC4, 0xC8 and 0xCC are other markers.
_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_ALONE = {0x01, *range(0xD0, 0xD9)}


def stated_size(stream: bytes) -> tuple[int, int] | None:
    """Return (rows, columns) as a JPEG, JPEG-LS or JPEG 2000 stream states them, else None.

    A decoder allocates and works by these numbers, so that a damaged stream of a small image can
    cost minutes and gigabytes unless they are compared with the file's own first.
    """
    if stream.startswith(_JPEG2000):
        return _of_jpeg2000(stream)
    if stream.startswith(_JPEG):
        return _of_jpeg(stream)
    return None


def _of_jpeg2000(stream: bytes) -> tuple[int, int] | None:
    """Read the SIZ segment: the image's extent and origin on the grid (ITU-T T.800 A.5.1)."""
    if len(stream) < 24:
        return None
    width, height, left, top = struct.unpack(">4I", stream[8:24])
    return height - top, width - left


def _of_jpeg(stream: bytes) -> tuple[int, int] | None:
    """Walk the marker segments to the start of the frame (T.81 B.1, B.2.2)."""
    at = 2
    while at + 9 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in _FRAME:
            rows, columns = struct.unpack(">2H", stream[at + 5 : at + 9])
            return rows, columns
        if marker == 0xFF:  # fill bytes may stand before a marker
            at += 1
        elif marker in _ALONE:
            at += 2
        else:
            at += 2 + struct.unpack(">H", stream[at + 2 : at + 4])[0]
    return None
