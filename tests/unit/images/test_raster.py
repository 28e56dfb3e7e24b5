import io

import numpy as np
import pytest
import tifffile
from PIL import Image
from tests.unit.images.making import breast

from microcalc.core.errors import StudyError
from microcalc.images.formats import decode, read


def png(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def tiff(image, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, image, **options)
    return buffer.getvalue()


def pixels(data, **options):
    return decode(data, image_id="a", spacing_mm=0.05, **options).pixels


IMAGE8 = (breast(60, 50) >> 4).astype(np.uint8)
IMAGE16 = (breast(60, 50) * 15 + 7).astype(np.uint16)


@pytest.mark.parametrize("image", [IMAGE8, IMAGE16], ids=["8", "16"])
@pytest.mark.parametrize(
    "write",
    [
        png,
        tiff,
        lambda image: tiff(image, byteorder=">"),
        lambda image: tiff(image, compression="zlib", predictor=True),
        lambda image: tiff(image, rowsperstrip=7),
        lambda image: tiff(image, tile=(16, 16)),
        lambda image: tiff(image, bigtiff=True),
    ],
    ids=["png", "tiff", "big endian", "deflate", "strips", "tiles", "bigtiff"],
)
def test_every_grey_level_arrives(image, write):
    found = decode(write(image), image_id="a", spacing_mm=0.05, laterality="r", view="mlo")
    np.testing.assert_array_equal(found.pixels, image)
    assert found.stored.dtype == image.dtype
    assert (found.spacing_mm, found.spacing_source) == ((0.05, 0.05), "table")
    assert (found.laterality, found.view) == ("R", "MLO")


@pytest.mark.parametrize("image", [IMAGE8, IMAGE16], ids=["8", "16"])
def test_tiff_with_white_at_zero_is_turned_over(image):
    top = int(np.iinfo(image.dtype).max)
    np.testing.assert_array_equal(pixels(tiff(top - image, photometric="miniswhite")), image)


def test_lzw_through_pillow():
    buffer = io.BytesIO()
    Image.fromarray(IMAGE16).save(buffer, "TIFF", compression="tiff_lzw")
    np.testing.assert_array_equal(pixels(buffer.getvalue()), IMAGE16)


def test_grey_stored_as_color_is_taken_and_color_is_not():
    color = np.repeat(IMAGE8[:, :, None], 3, axis=2)
    np.testing.assert_array_equal(pixels(png(color)), IMAGE8)
    palette = Image.fromarray(IMAGE8).convert("P")
    buffer = io.BytesIO()
    palette.save(buffer, "PNG")
    np.testing.assert_array_equal(pixels(buffer.getvalue()), IMAGE8)
    color[0, 0, 1] ^= 1
    with pytest.raises(StudyError, match="image a: is a color image"):
        pixels(png(color))


def test_sixteen_bits_are_never_squeezed_through_eight():
    color = np.repeat(IMAGE16[:, :, None], 3, axis=2)
    with pytest.raises(StudyError, match=r"would lose gray levels.*, 16 bits\)"):
        pixels(tiff(color, photometric="rgb"))
    raw = bytearray(png(IMAGE8))
    raw[24] = 16
    raw[25] = 2
    with pytest.raises(StudyError):
        pixels(bytes(raw))


@pytest.mark.parametrize(
    "image",
    [
        IMAGE16.astype(np.float32),
        (IMAGE16 - 30000).astype(np.int16),
        IMAGE16.astype(np.uint32) << 9,
    ],
)
def test_other_depths_are_refused(image):
    with pytest.raises(StudyError, match="image a: "):
        pixels(tiff(image))


def test_pages_are_chosen_by_number():
    data = tiff(np.stack([IMAGE8, IMAGE8[::-1]]), photometric="minisblack")
    np.testing.assert_array_equal(pixels(data, frame=2), IMAGE8[::-1])
    with pytest.raises(StudyError, match=r"several pages; name one.*\(2 pages\)"):
        pixels(data)
    with pytest.raises(StudyError, match=r"no such frame .*\(frame 3 of 2\)"):
        pixels(data, frame=3)


def test_without_a_spacing_there_is_no_patch(tmp_path):
    with pytest.raises(StudyError, match=r"image a: has no pixel spacing .* column spacing_mm"):
        decode(png(IMAGE8), image_id="a")
    (tmp_path / "a.png").write_bytes(png(IMAGE8))
    assert read(tmp_path / "a.png", image_id="a", spacing_mm=0.1).shape == IMAGE8.shape


@pytest.mark.parametrize("data", [png(IMAGE8)[:200], tiff(IMAGE16)[:100], b"II*\0" + b"\xff" * 50])
def test_damaged_files_are_refused_by_name(data):
    with pytest.raises(StudyError, match="image a: its content could not be decoded"):
        pixels(data)
