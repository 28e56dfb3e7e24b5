"""RLE Lossless, DICOM's run-length code: each byte of the cells is a plane of its own (PS3.5 G)."""

import struct
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microcalc.images.decoding_process import Room

_HEADER = struct.Struct("<16I")


def decode(
    frame: memoryview, *, rows: int, columns: int, bits_allocated: int, room: Room, **others: Any
) -> NDArray[Any]:
    r"""Return the pixel cells of a frame, in the place that `room` gives.

    The planes are unpacked by imagecodecs, which takes a fourth of what it takes to put single
    bytes where they belong; the planes are put together afterwards, all pixels at once. What is
    not exactly as long as the image, as where an encoder padded more than one byte, pylibjpeg-rle
    decodes, which stops at the last pixel, or raises.

    Parameters
    ----------
    frame
        The frame, without DICOM's encapsulation.
    rows, columns, bits_allocated
        What the dataset says of it: 8 or 16 bits.
    room
        See `microcalc.images.decoding_process.Room`.
    **others
        What else pylibjpeg-rle is told.

    Returns
    -------
    numpy.ndarray
        (rows, columns) uint8 or uint16.

    Raises
    ------
    ValueError
        When the frame is damaged.

    References
    ----------
    DICOM PS3.5 G.3 (PackBits), G.5 (the header).

    Examples
    --------
    >>> import struct
    >>> import numpy as np
    >>> from microcalc.images import run_lengths
    >>> header = struct.pack("<16I", 1, 64, *[0] * 14)  # one segment, from byte 64 on
    >>> runs = b"\xfd\x07" + b"\x01\x05\x09"  # four times 7, then the two bytes 5 and 9
    >>> said = {"rows": 2, "columns": 3, "bits_allocated": 8}
    >>> run_lengths.decode(memoryview(header + runs), room=np.empty, **said)
    array([[7, 7, 7],
           [7, 5, 9]], dtype=uint8)
    """
    cells = room((rows, columns), f"<u{bits_allocated // 8}")
    segments = _segments(frame)
    if len(segments) == bits_allocated // 8 and _unpacked(segments, cells):
        return cells
    from rle.utils import decode_pixel_data

    described = {"rows": rows, "columns": columns, "bits_allocated": bits_allocated, **others}
    found = np.frombuffer(decode_pixel_data(bytes(frame), version=2, **described), cells.dtype)
    return found.reshape(rows, columns)


def _segments(frame: memoryview) -> list[memoryview]:
    """Return the segments; none where the places in the header do not rise within the frame."""
    if len(frame) < _HEADER.size:
        return []
    count, *places = _HEADER.unpack(frame[: _HEADER.size])
    ends = [*places[:count], len(frame)]
    rising = all(first < last for first, last in pairwise(ends))
    known = 0 < count < _HEADER.size // 4 and not any(places[count:])
    if not known or ends[0] != _HEADER.size or not rising:
        return []
    return [frame[first:last] for first, last in pairwise(ends)]


def _unpacked(segments: list[memoryview], cells: NDArray[Any]) -> bool:
    """Unpack the planes, the highest byte first, into `cells`; say whether all fit exactly."""
    # Jobs that only read patches come by this module in an environment without it.
    import imagecodecs

    # Their stubs know no other buffers than bytes.
    unpack: Any = imagecodecs.packbits_decode
    planes = _planes(len(segments), cells.size)
    try:
        for segment, plane in zip(segments, planes, strict=True):
            if len(unpack(segment, out=plane)) != plane.size:
                return False
    except imagecodecs.PackbitsError:
        return False
    flat = cells.reshape(-1)
    np.copyto(flat, planes[0])
    for plane in planes[1:]:
        np.left_shift(flat, 8, out=flat)
        np.bitwise_or(flat, plane, out=flat)
    return True


# Kept from frame to frame, which are of one size: memory that is given back is zeroed before it is
# had again, and that takes as long as unpacking.
@lru_cache(maxsize=1)
def _planes(number: int, size: int) -> NDArray[np.uint8]:
    return np.empty((number, size), np.uint8)
