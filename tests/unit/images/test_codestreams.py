import struct

import numpy as np
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate, get_frame
from tests.unit.images.data.make import HERE, picture
from tests.unit.images.making import breast, dataset, to_bytes

from microcalc.core.errors import StudyError
from microcalc.images.codestreams import codestream, is_cut_short, stated_bits, stated_sizes
from microcalc.images.dicom import decode
from microcalc.images.image_entry import ImageEntry

CARRIED = sorted(HERE.glob("*.j*"))
SYNTAXES = {
    ".jpg": uid.JPEGLosslessSV1,
    ".j2c": uid.HTJ2KLossless,
}
WRITTEN = [
    (uid.JPEGLSLossless, {}),
    (uid.JPEGLSNearLossless, {"jls_error": 2}),
    (uid.JPEG2000Lossless, {}),
    (uid.JPEG2000, {"j2k_cr": [5]}),
]
NAMES = [syntax.name for syntax, _ in WRITTEN]


def compressed(image, syntax, **options):
    """Return a dataset that pydicom compressed, and its one frame."""
    attributes = {"BitsStored": options.pop("bits", 12)}
    ds = dataset(image, **attributes)
    ds.compress(syntax, generate_instance_uid=False, **options)
    return ds, get_frame(ds.PixelData, 0, number_of_frames=1)


def with_frame(ds, frame, fragments=1):
    ds.PixelData = encapsulate([frame], fragments_per_frame=fragments)
    ds["PixelData"].VR = "OB"
    return to_bytes(ds)


@pytest.mark.parametrize("path", CARRIED, ids=lambda path: path.name)
def test_carried_streams(path):
    stream = path.read_bytes()
    assert stated_bits(stream) == (16 if path.suffix == ".j2c" else 12)
    assert not is_cut_short(stream)
    assert is_cut_short(stream[:-2])
    assert is_cut_short(stream[: len(stream) // 2])


@pytest.mark.parametrize("path", CARRIED, ids=lambda path: path.name)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_a_carried_stream_that_is_cut_is_excluded(path, part):
    stream = path.read_bytes()
    ds = dataset(picture(), syntax=SYNTAXES[path.suffix], BitsStored=12)
    cut = stream[: int(part * len(stream))]
    with pytest.raises(StudyError, match=r"^image a: is cut short"):
        decode(with_frame(ds, cut), ImageEntry("a"))


@pytest.mark.parametrize(
    ("syntax", "options"), WRITTEN, ids=lambda value: getattr(value, "name", "")
)
@pytest.mark.parametrize("fragments", [1, 4])
@pytest.mark.parametrize("part", [0.05, 0.5, 0.99, 0.999])
def test_a_frame_that_is_cut_is_excluded(syntax, options, fragments, part):
    ds, frame = compressed(breast(), syntax, **options)
    cut = frame[: int(part * len(frame))]
    with pytest.raises(StudyError, match=r"^image a: is cut short: .* end marker"):
        decode(with_frame(ds, cut, fragments), ImageEntry("a"))
    # A download that broke off may have been given its full length.
    filled = cut + bytes(len(frame) - len(cut))
    with pytest.raises(StudyError, match=r"^image a: is cut short"):
        decode(with_frame(ds, filled, fragments), ImageEntry("a"))


@pytest.mark.parametrize(
    ("syntax", "options"), WRITTEN, ids=lambda value: getattr(value, "name", "")
)
@pytest.mark.parametrize("fragments", [1, 4])
@pytest.mark.parametrize("padding", [b"", b"\0\0", bytes(64)])
def test_a_whole_frame_may_be_padded(syntax, options, fragments, padding):
    ds, frame = compressed(breast(), syntax, **options)
    found = decode(with_frame(ds, frame + padding, fragments), ImageEntry("a")).pixels
    np.testing.assert_array_equal(found, decode(to_bytes(ds), ImageEntry("a")).pixels)


def test_an_end_marker_in_a_comment_is_none():
    _, frame = compressed(breast(), uid.JPEGLSLossless)
    comment = b"\xff\xfe" + struct.pack(">H", 6) + b"\xff\xd9\xff\xd9"
    assert not is_cut_short(frame[:2] + comment + frame[2:])
    assert is_cut_short(frame[:2] + comment + frame[2:-2])


@pytest.mark.parametrize("stream", [b"", b"RLE", bytes(64)])
def test_what_is_no_such_stream_says_nothing(stream):
    assert stated_bits(stream) is None
    assert not is_cut_short(stream)


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLSLossless])
@pytest.mark.parametrize("says", [10, 12])
def test_the_bits_of_the_stream_win(syntax, says):
    image = breast() * 4
    ds, _ = compressed(image, syntax, bits=14)
    ds.BitsStored, ds.HighBit = says, says - 1
    found = decode(to_bytes(ds), ImageEntry("a"))
    np.testing.assert_array_equal(found.pixels, image)
    assert found.flags == ("pixels_above_bits_stored",)
    assert found.provenance["bits_stored"] == str(says)


@pytest.mark.parametrize("name", ["jpeg_lossless_1.jpg", "jpeg_lossless_6.jpg"])
def test_the_bits_of_a_jpeg_lossless_stream_win(name):
    ds = dataset(picture(), syntax=uid.JPEGLosslessSV1, BitsStored=10)
    if name == "jpeg_lossless_6.jpg":
        ds.file_meta.TransferSyntaxUID = uid.JPEGLossless
    assert picture().max() >= 2**10
    found = decode(with_frame(ds, (HERE / name).read_bytes()), ImageEntry("a"))
    np.testing.assert_array_equal(found.pixels, picture())
    assert found.flags == ("image_small", "pixels_above_bits_stored")


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLSLossless])
def test_a_stream_of_more_bits_than_its_pixels_need_changes_nothing(syntax):
    image = breast()
    ds, _ = compressed(image, syntax, bits=16)
    ds.BitsStored, ds.HighBit = 12, 11
    found = decode(to_bytes(ds), ImageEntry("a"))
    np.testing.assert_array_equal(found.pixels, image)
    assert found.flags == ()


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLSLossless])
def test_the_sign_is_where_the_stream_has_it(syntax):
    image = breast().astype(np.int16) - 1000
    ds, _ = compressed(image, syntax, bits=13)
    ds.BitsStored, ds.HighBit = 16, 15
    found = decode(to_bytes(ds), ImageEntry("a"))
    np.testing.assert_array_equal(found.pixels, image)
    np.testing.assert_array_equal(found.pixels, ds.pixel_array)
    assert found.flags == ("bits_stored_contradiction",)


def test_more_bits_than_are_allocated_are_refused():
    ds, _ = compressed(breast(), uid.JPEG2000Lossless)
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    with pytest.raises(StudyError, match="more bits than its header allocates") as raised:
        decode(to_bytes(ds), ImageEntry("a"))
    assert raised.value.detail == "12 bits, BitsAllocated 8"


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


def coded(size, seed=3):
    """Return entropy-coded data as they may be: 0xFF before 0, 0x7F and restart markers."""
    data = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)
    after = np.flatnonzero(data[:-1] == 0xFF) + 1
    data[after] = np.array([0, 0, 0, 0x7F, 0xD0, 0xD7], np.uint8)[np.arange(after.size) % 6]
    data[data.size - 1] = 0
    return data.tobytes()


@pytest.mark.parametrize("size", [1, 2, 1021, 1022, 1023, 1024, 2**17, 2**17 + 1022, 2**18 + 1023])
@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_a_marker_is_found_wherever_it_stands(size, shift):
    head = b"\xff\xd8" + frame_header(70, 90) + SCAN[:10]
    scan = coded(max(size + shift, 1))
    stream = head + scan + frame_header(60000, 9) + b"\xff\xda\0\x02" + scan + b"\xff\xd9"
    for kind in (bytes, memoryview):
        assert stated_sizes(kind(stream)) == {(70, 90, 1), (60000, 9, 1)}
        assert stated_sizes(kind(head + scan + b"\xff\xd9")) == {(70, 90, 1)}
        assert stated_sizes(kind(head + scan)) == {(70, 90, 1)}
        assert not is_cut_short(kind(stream + bytes(5000)))
        assert is_cut_short(kind(stream[:-2]))


@pytest.mark.parametrize("path", CARRIED, ids=lambda path: path.name)
def test_a_view_says_what_its_bytes_say(path):
    stream = path.read_bytes()
    box = b"\0\0\0\x0cjP  \r\n\x87\n" + struct.pack(">I4s", 8 + len(stream), b"jp2c") + stream
    for data in (stream, stream[:-2], stream[:50], box, bytes(64), b""):
        view = memoryview(data)
        assert stated_sizes(view) == stated_sizes(data)
        assert stated_bits(view) == stated_bits(data)
        assert is_cut_short(view) == is_cut_short(data)
        assert codestream(view) == codestream(data)
