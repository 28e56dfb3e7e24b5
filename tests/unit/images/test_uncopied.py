import io
import struct

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate
from tests.unit.images.data.make import picture
from tests.unit.images.making import dataset, to_bytes

from microcalc.core.errors import StudyError
from microcalc.images import dicom
from microcalc.images.image_entry import ImageEntry
from microcalc.images.uncopied import UncopiedPixels, only_fragment

NATIVE = [
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
]


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda value: value.name)
def test_all_elements_are_those_of_a_copy(syntax):
    ds = dataset(picture(), syntax=syntax)
    ds.DataSetTrailingPadding = bytes(6)
    data = to_bytes(ds)
    found, copied = pydicom.dcmread(UncopiedPixels(data)), pydicom.dcmread(io.BytesIO(data))
    assert [e.tag for e in found] == [e.tag for e in copied]
    assert all(
        bytes(e.value) == f.value for e, f in zip(found, copied, strict=True) if e.VR == "OW"
    )
    assert all(e.value == f.value for e, f in zip(found, copied, strict=True))


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda value: value.name)
def test_uncompressed_pixels_lie_in_the_file(syntax):
    data = to_bytes(dataset(picture(), syntax=syntax))
    stored = dicom.decode(data, ImageEntry("a")).stored
    np.testing.assert_array_equal(stored, picture())
    kept = syntax.is_little_endian and not syntax.is_deflated
    assert np.shares_memory(stored, np.frombuffer(data, np.uint8)) == kept


def test_compressed_pixels_of_a_known_length_are_read():
    ds = dataset(picture(), BitsStored=12)
    ds.compress(uid.JPEGLSLossless, generate_instance_uid=False)
    data = to_bytes(ds)
    header = b"\xe0\x7f\x10\x00OB\x00\x00"
    at = data.index(header + b"\xff\xff\xff\xff") + len(header)
    known = data[:at] + struct.pack("<I", len(data) - at - 4) + data[at + 4 :]
    np.testing.assert_array_equal(dicom.decode(known, ImageEntry("a")).stored, picture())


def test_pixels_that_end_too_soon_are_refused():
    data = to_bytes(dataset(picture()))
    with pytest.raises(StudyError, match="is cut short"):
        dicom.decode(data[:-100], ImageEntry("a"))


def test_only_the_value_of_pixel_data_is_a_view():
    file = UncopiedPixels(b"\xe0\x7f\x10\x00" + struct.pack("<I", 2**9) + bytes(2**9) + b"end")
    file.seek(8)
    assert file.read() == bytes(2**9) + b"end"
    for size in (2**8, 2**10):
        file.seek(8)
        assert isinstance(file.read(size), bytes)
    file.seek(8)
    assert isinstance(file.read(2**9), memoryview)
    assert file.read(9) == b"end"


def test_masks_get_pixels_of_their_own():
    assert isinstance(dicom.parse(to_bytes(dataset(picture()))).PixelData, bytes)


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless])
def test_compressed_pixels_lie_in_the_file(syntax):
    ds = dataset(picture(), BitsStored=12)
    ds.compress(syntax, generate_instance_uid=False)
    ds.DataSetTrailingPadding = bytes(6)
    data = to_bytes(ds)
    found, copied = dicom.parse(data, copied=False), dicom.parse(data)
    assert isinstance(found.PixelData, memoryview)
    assert isinstance(copied.PixelData, bytes)
    assert [e.tag for e in found] == [e.tag for e in copied]
    assert found.PixelData == copied.PixelData == ds.PixelData
    assert found.DataSetTrailingPadding == ds.DataSetTrailingPadding
    np.testing.assert_array_equal(dicom.decode(data, ImageEntry("a")).stored, picture())


@pytest.mark.parametrize("order", ["all", "last"])
def test_compressed_pixels_that_do_not_end_are_no_view(order):
    ds = dataset(picture(), BitsStored=12)
    ds.compress(uid.JPEGLSLossless, generate_instance_uid=False)
    end = b"\xfe\xff\xdd\xe0" + bytes(4)
    data = to_bytes(ds)
    assert data.endswith(end)
    with pytest.raises(StudyError, match="is cut short"):
        dicom.decode(data[: -len(end) if order == "all" else -len(end) - 5], ImageEntry("a"))


@pytest.mark.parametrize("table", [True, False])
def test_the_only_fragment_is_what_was_encapsulated(table):
    frame = bytes(range(256)) * 4
    data = encapsulate([frame], has_bot=table)
    for ending in (b"", b"\xfe\xff\xdd\xe0" + bytes(4)):
        found = only_fragment(data + ending)
        assert isinstance(found, memoryview)
        assert found == frame


ITEM, FRAME = b"\xfe\xff\x00\xe0", b"\xfe\xff\x00\xe0\4\0\0\0abcd"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        ITEM + bytes(4),
        ITEM + bytes(4) + FRAME + FRAME,
        ITEM + bytes(4) + FRAME + FRAME + FRAME,
        ITEM + b"\4\0\0\0\1\0\0\0" + FRAME,
        ITEM + b"\x08\0\0\0" + bytes(8) + FRAME,
        ITEM + bytes(4) + FRAME[:-1],
        ITEM + bytes(4) + FRAME + b"\0",
        ITEM + bytes(4) + ITEM + b"\xff\xff\xff\xffabcd",
        FRAME + FRAME,
        b"abcd" * 9,
    ],
    ids=range(11),
)
def test_of_several_fragments_or_odd_ones_none_is_the_only_one(data):
    assert only_fragment(data) is None
