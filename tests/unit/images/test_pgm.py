import numpy as np
import pytest
from PIL import Image

from microcalc.core.errors import StudyError
from microcalc.images import pgm
from microcalc.images.formats import decode
from microcalc.images.image_entry import ImageEntry

IMAGE8 = np.arange(60 * 50, dtype=np.uint16).reshape(60, 50).astype(np.uint8)
IMAGE16 = (np.arange(60 * 50, dtype=np.uint16).reshape(60, 50) * 21).astype(np.uint16)


def raw(image, highest, header=b"P5\n%d %d\n%d\n"):
    kind = ">u1" if highest < 256 else ">u2"
    return header % (*image.shape[::-1], highest) + image.astype(kind).tobytes()


def plain(image, highest, parted=b" "):
    numbers = parted.join(b"%d" % value for value in image.ravel().tolist())
    return b"P2\n%d %d\n%d\n" % (*image.shape[::-1], highest) + numbers + b"\n"


@pytest.mark.parametrize(
    ("image", "highest", "bits"), [(IMAGE8, 255, 8), (IMAGE16, 65535, 16), (IMAGE16 >> 4, 4095, 12)]
)
@pytest.mark.parametrize("write", [raw, plain])
def test_gray_levels_arrive_as_they_are(image, highest, bits, write):
    found = decode(write(image, highest), ImageEntry("a", spacing_mm=0.05))
    np.testing.assert_array_equal(found.pixels, image)
    assert found.stored.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert found.provenance["bits_stored"] == str(bits)
    assert (found.spacing_mm, found.spacing_source) == ((0.05, 0.05), "table")


def test_what_pillow_writes(tmp_path):
    Image.fromarray(IMAGE8).save(tmp_path / "a.pgm")
    np.testing.assert_array_equal(pgm.pixels((tmp_path / "a.pgm").read_bytes()), IMAGE8)
    Image.fromarray(IMAGE16).save(tmp_path / "b.pgm")
    np.testing.assert_array_equal(pgm.pixels((tmp_path / "b.pgm").read_bytes()), IMAGE16)


@pytest.mark.parametrize(
    "header",
    [
        b"P5 %d %d %d ",
        b"P5\r\n%d\t%d\r\n%d\n",
        b"P5\n# a comment of 3 4 255\n%d %d\n# another\n%d\n",
        b"P5#x\n%d#y\n %d\n\n%d\n",
    ],
)
def test_headers(header):
    np.testing.assert_array_equal(pgm.pixels(raw(IMAGE8, 255, header)), IMAGE8)


def test_a_pixel_may_look_like_white_space_or_a_comment():
    image = IMAGE8.copy()
    image[0, :3] = np.frombuffer(b"\n# ", np.uint8)
    np.testing.assert_array_equal(pgm.pixels(raw(image, 255)), image)
    image[-1, -3:] = np.frombuffer(b" \n\0", np.uint8)
    np.testing.assert_array_equal(pgm.pixels(raw(image, 255)), image)
    np.testing.assert_array_equal(pgm.pixels(raw(image, 255) + b"\n"), image)
    commented = plain(image, 255, b"\n").replace(b"\n", b" # 7 8\n", 10)
    np.testing.assert_array_equal(pgm.pixels(commented), image)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (raw(IMAGE8, 255)[:-1], "cut short: .*2999 of 3000"),
        (raw(IMAGE16, 65535)[:-1], "cut short: .*2999 of 3000"),
        (plain(IMAGE8, 255)[:-20], "cut short"),
        (raw(IMAGE8, 255) + raw(IMAGE8, 255), "holds more than its PGM header"),
        # 16 bits under a header of 8.
        (raw(IMAGE16, 65535).replace(b"65535", b"255"), "holds more than its PGM header"),
        (plain(IMAGE8, 255) + b"7", "holds more than its PGM header"),
        (raw(IMAGE8, 200), r"above the highest value .*\(255, allowed 200\)"),
        (plain(IMAGE8, 200), r"above the highest value .*\(255, allowed 200\)"),
        (raw(IMAGE8, 255, b"P5\n%d %d\n0\n#%d"), "impossible highest value"),
        (b"P5\n50\n", "damaged PGM header"),
        (b"P5\n-50 60 255\n", "damaged PGM header"),
        (b"P2\n50 60 255\nabc", "could not be decoded|cut short"),
        (b"P5\n99999 99999 255\n", "claims a size no mammogram has"),
    ],
)
def test_what_is_wrong_is_named(data, words):
    with pytest.raises(StudyError, match=rf"^image a: .*{words}"):
        decode(data, ImageEntry("a", spacing_mm=0.05))


def test_there_is_no_second_page():
    with pytest.raises(StudyError, match=r"no such frame .*\(frame 2 of 1\)"):
        decode(raw(IMAGE8, 255), ImageEntry("a", spacing_mm=0.05, frame=2))
