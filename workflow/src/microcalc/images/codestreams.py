"""How deep the samples of a compressed frame are, and whether it is whole."""

import struct

_JPEG, _JPEG2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
# Start of frame, all processes of ITU-T T.81 and JPEG-LS; 0xC4, 0xC8 and 0xCC are other markers.
_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_ALONE = {0x01, *range(0xD0, 0xD9)}
_SCAN = {0xDA}
_TILE_DATA, _END = b"\xff\x93", b"\xff\xd9"
_DEPTH_IN_SIZ = 42


def stated_bits(stream: bytes) -> int | None:
    """Return the bits per sample of a JPEG, JPEG-LS or JPEG 2000 stream, None of another.

    JPEG 2000 states them in SIZ (ITU-T T.800 A.5.1), also inside a JP2 box, the others in the
    start of the frame (T.81 B.2.2, T.87 C.2.2).
    """
    if stream.startswith(_JPEG):
        at = _segment(stream, _FRAME)
        return stream[at + 4] if at is not None and at + 4 < len(stream) else None
    at = stream.find(_JPEG2000)
    if at < 0 or at + _DEPTH_IN_SIZ >= len(stream):
        return None
    return (stream[at + _DEPTH_IN_SIZ] & 0x7F) + 1


def is_cut_short(stream: bytes) -> bool:
    """Say whether a JPEG, JPEG-LS or JPEG 2000 stream lacks its end marker.

    Some decoders fill what is missing with grey and say nothing. Coded data cannot hold the two
    bytes of the marker (T.81 F.1.2.3, T.87 A.1, T.800 B.10.1), so that whatever pads a frame may
    follow it, and neither data nor padding passes for it.
    """
    if stream.startswith(_JPEG):
        scan = _segment(stream, _SCAN)
    elif _JPEG2000 in stream:
        found = stream.find(_TILE_DATA, stream.find(_JPEG2000))
        scan = found if found >= 0 else None
    else:
        return False
    return scan is None or stream.find(_END, scan) < 0


def _segment(stream: bytes, markers: set[int]) -> int | None:
    """Walk a JPEG's marker segments to the first of these (T.81 B.1); None when none comes."""
    at = 2
    while at + 4 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in markers:
            return at
        if marker == 0xFF:  # fill bytes may stand before a marker
            at += 1
        elif marker in _ALONE:
            at += 2
        else:
            at += 2 + struct.unpack(">H", stream[at + 2 : at + 4])[0]
    return None
