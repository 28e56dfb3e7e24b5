import struct

import pytest
from pydicom import uid
from pydicom.encaps import get_frame
from tests.unit.images.data.make import HERE, picture
from tests.unit.images.making import dataset

from microcalc.images.streams import codestream, stated_sizes


@pytest.mark.parametrize("path", sorted(HERE.glob("*.j*")), ids=lambda path: path.name)
def test_the_size_of_a_codestream(path):
    assert stated_sizes(path.read_bytes()) == {(*picture().shape, 1)}


@pytest.mark.parametrize("syntax", [uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.RLELossless])
def test_the_size_of_what_pydicom_writes(syntax):
    ds = dataset(picture(), BitsStored=12)
    ds.compress(syntax, generate_instance_uid=False)
    found = stated_sizes(get_frame(ds.PixelData, 0, number_of_frames=1))
    assert found == (set() if syntax == uid.RLELossless else {(*picture().shape, 1)})


def test_segments_and_fill_bytes_before_the_frame():
    comment = b"\xff\xfe" + struct.pack(">H", 6) + b"\xff\xc3\xff\xc3"
    frame = b"\xff\xff\xff\xc3" + struct.pack(">HBHHB", 11, 12, 70, 90, 1)
    assert stated_sizes(b"\xff\xd8" + comment + frame) == {(70, 90, 1)}


@pytest.mark.parametrize(
    "stream", [b"", b"\xff\xd8", b"\xff\xd8\xff\xc4", b"\xff\x4f\xff\x51\0", b"\xff\xd8abc" * 9]
)
def test_a_stream_that_does_not_say(stream):
    assert stated_sizes(stream) == set()


def frame_header(rows, columns, components=1, marker=0xC3):
    return struct.pack(">BBHBHHB", 0xFF, marker, 8, 12, rows, columns, components)


SCAN = b"\xff\xda\0\x08\1\0\0\0\0\0" + b"\x12\xff\0\x34\xff\xd0\x56"


def test_a_later_frame_header_counts_too():
    for between in (b"", SCAN):
        stream = b"\xff\xd8" + frame_header(70, 90) + between + frame_header(60000, 9) + SCAN
        assert stated_sizes(stream + b"\xff\xd9") == {(70, 90, 1), (60000, 9, 1)}


def test_rows_can_follow_the_first_scan():
    lines = b"\xff\xdc\0\x04" + struct.pack(">H", 500)
    start = b"\xff\xd8" + frame_header(0, 90) + SCAN
    assert stated_sizes(start + lines + b"\xff\xd9") == {(500, 90, 1)}
    assert stated_sizes(start + b"\xff\xd9") == set()


def test_what_follows_the_end_of_the_image_is_not_read():
    stream = b"\xff\xd8" + frame_header(70, 90) + SCAN + b"\xff\xd9" + frame_header(1, 1)
    assert stated_sizes(stream) == {(70, 90, 1)}


def box(kind, body, *, long=False):
    if long:
        return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body
    return struct.pack(">I4s", 8 + len(body), kind) + body


def boxed(stream, rows, columns, *, brand=b"jp2 ", long=False, open_end=False):
    header = box(b"jp2h", box(b"ihdr", struct.pack(">IIHBBBB", rows, columns, 1, 11, 7, 0, 0)))
    body = struct.pack(">I4s", 0, b"jp2c") + stream if open_end else box(b"jp2c", stream, long=long)
    kind = box(b"ftyp", brand + bytes(4) + brand)
    return box(b"jP  ", b"\r\n\x87\n") + kind + header + body


@pytest.mark.parametrize("shape", [{}, {"long": True}, {"open_end": True}, {"brand": b"jph "}])
def test_a_codestream_in_boxes(shape):
    stream = (HERE / "htj2k_lossless.j2c").read_bytes()
    rows, columns = picture().shape
    in_boxes = boxed(stream, rows, columns, **shape)
    assert stated_sizes(in_boxes) == {(rows, columns, 1)}
    assert codestream(in_boxes) == stream
    assert stated_sizes(boxed(stream, 60000, 2, **shape)) == {(rows, columns, 1), (60000, 2, 1)}


def test_a_box_that_ends_nowhere_is_passed():
    assert stated_sizes(box(b"jP  ", b"\r\n\x87\n") + struct.pack(">I4sQ", 1, b"jp2c", 0)) == set()
