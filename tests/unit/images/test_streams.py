import struct

import pytest
from pydicom import uid
from pydicom.encaps import get_frame
from tests.unit.images.data.make import HERE, picture
from tests.unit.images.making import dataset

from microcalc.images.streams import stated_size


@pytest.mark.parametrize("path", sorted(HERE.glob("*.j*")), ids=lambda path: path.name)
def test_the_size_of_a_codestream(path):
    assert stated_size(path.read_bytes()) == picture().shape


@pytest.mark.parametrize("syntax", [uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.RLELossless])
def test_the_size_of_what_pydicom_writes(syntax):
    ds = dataset(picture(), BitsStored=12)
    ds.compress(syntax, generate_instance_uid=False)
    found = stated_size(get_frame(ds.PixelData, 0, number_of_frames=1))
    assert found == (None if syntax == uid.RLELossless else picture().shape)


def test_segments_and_fill_bytes_before_the_frame():
    comment = b"\xff\xfe" + struct.pack(">H", 6) + b"\xff\xc3\xff\xc3"
    frame = b"\xff\xff\xff\xc3" + struct.pack(">HBHHB", 11, 12, 70, 90, 1)
    assert stated_size(b"\xff\xd8" + comment + frame) == (70, 90)


@pytest.mark.parametrize(
    "stream", [b"", b"\xff\xd8", b"\xff\xd8\xff\xc4", b"\xff\x4f\xff\x51\0", b"\xff\xd8abc" * 9]
)
def test_a_stream_that_does_not_say(stream):
    assert stated_size(stream) is None
