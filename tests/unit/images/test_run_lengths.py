import random
import struct

import numpy as np
import pytest
import rle.utils
from pydicom.pixels.encoders import RLELosslessEncoder
from tests.unit.images.data.make import picture
from tests.unit.images.making import breast

from microcalc.images import run_lengths

LITERAL = b"\x0b" + bytes(range(12))
RUN = b"\xf5\x07"
SHAPE = {"rows": 3, "columns": 4}


def framed(*segments):
    """Return a frame of these segments."""
    places = [64]
    for segment in segments:
        places.append(places[-1] + len(segment))
    header = [len(segments), *places[:-1]]
    return struct.pack("<16I", *header, *[0] * (16 - len(header))) + b"".join(segments)


def decoded(frame, **description):
    return run_lengths.decode(memoryview(frame), room=np.empty, **description)


def by_pylibjpeg(frame, *, rows, columns, bits_allocated):
    cells = rle.utils.decode_pixel_data(
        frame, version=2, rows=rows, columns=columns, bits_allocated=bits_allocated
    )
    return np.frombuffer(cells, f"<u{bits_allocated // 8}").reshape(rows, columns)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("image", [picture(), breast(), np.full((5, 300), 257)])
def test_pixels_are_those_that_were_encoded(image, bits):
    image = image.astype(f"<u{bits // 8}")
    described = {"rows": image.shape[0], "columns": image.shape[1], "bits_allocated": bits}
    frame = RLELosslessEncoder.encode(
        image, **described, bits_stored=bits, samples_per_pixel=1, pixel_representation=0,
        photometric_interpretation="MONOCHROME2", number_of_frames=1,
    )  # fmt: skip
    found = decoded(frame, **described)
    np.testing.assert_array_equal(found, image)
    assert found.dtype == image.dtype


def test_the_first_segment_is_the_higher_byte_and_a_run_repeats():
    found = decoded(framed(RUN, LITERAL), **SHAPE, bits_allocated=16)
    np.testing.assert_array_equal(found.ravel(), 7 * 256 + np.arange(12))


def test_pixels_are_left_where_they_are_to_lie():
    there = np.zeros((3, 4), "<u2")
    found = run_lengths.decode(
        memoryview(framed(RUN, LITERAL)), room=lambda *_: there, **SHAPE, bits_allocated=16
    )
    assert found is there


@pytest.mark.parametrize("padding", [b"", b"\0", b"\0\0", bytes(64), b"\x80", LITERAL])
def test_what_follows_the_last_pixel_of_a_plane_is_padding(padding):
    for segments in ((RUN + padding, LITERAL), (RUN, LITERAL + padding)):
        found = decoded(framed(*segments), **SHAPE, bits_allocated=16)
        np.testing.assert_array_equal(found.ravel(), 7 * 256 + np.arange(12))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        bytes(64),
        framed(RUN),
        framed(RUN, RUN, RUN),
        framed(RUN, LITERAL[:-1]),
        framed(RUN, LITERAL[:5]),
        framed(b"\xf6\x07", LITERAL),
        framed(RUN, b"\xf6\x07"),
        struct.pack("<16I", 2, 64, 66, *[0] * 13),
        struct.pack("<16I", 2, 64, 2**32 - 1, *[0] * 13) + RUN + LITERAL,
        struct.pack("<16I", 2, 66, 64, *[0] * 13) + RUN + LITERAL,
        struct.pack("<16I", 2, 64, 64, *[0] * 13) + RUN + LITERAL,
        struct.pack("<16I", 2**32 - 1, *[64] * 15) + RUN + LITERAL,
        struct.pack("<16I", 2, 64, 66, *[0] * 12, 1) + RUN + LITERAL,
    ],
    ids=range(14),
)
def test_a_damaged_frame_is_refused(frame):
    with pytest.raises(ValueError, match=r"\w"):
        decoded(frame, **SHAPE, bits_allocated=16)


def test_a_damaged_frame_is_read_as_pylibjpeg_reads_it_or_not_at_all():
    chance = random.Random(22)
    image = picture().astype("<u2")
    description = {"rows": image.shape[0], "columns": image.shape[1], "bits_allocated": 16}
    good = framed(*(_packed(image.view(np.uint8)[:, part::2]) for part in (1, 0)))
    np.testing.assert_array_equal(decoded(good, **description), image)
    read = 0
    for _ in range(400):
        frame = bytearray(good)
        for _ in range(chance.choice((1, 1, 3))):
            last = chance.choice((12, 64, len(frame)))
            frame[chance.randrange(last)] = chance.choice((0, 127, 128, 255, chance.randrange(256)))
        try:
            theirs = by_pylibjpeg(bytes(frame), **description)
        except BaseException as error:
            # What its Rust code does beyond the image's end is no Exception.
            with pytest.raises(type(error)):
                decoded(bytes(frame), **description)
        else:
            read += 1
            np.testing.assert_array_equal(decoded(bytes(frame), **description), theirs)
    assert 50 < read < 390


def _packed(plane):
    """Return a plane in literals of up to 128 bytes."""
    data = plane.tobytes()
    pieces = [data[at : at + 128] for at in range(0, len(data), 128)]
    return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces)
