import io
import os
import signal
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image
from tests.unit.images.data.make import HERE, picture
from tests.unit.images.making import breast

from microcalc.core.errors import StudyError
from microcalc.images import decoders
from microcalc.images.decoding_process import DecodingProcess
from microcalc.images.formats import decode
from microcalc.images.image_entry import ImageEntry


def png(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def tiff(image, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, image, **options)
    return buffer.getvalue()


def pixels(data, **options):
    return decode(data, ImageEntry("a", spacing_mm=0.05, **options)).pixels


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
    found = decode(write(image), ImageEntry("a", spacing_mm=0.05, laterality="r", view="mlo"))
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


def test_without_a_spacing_there_is_no_patch():
    with pytest.raises(StudyError, match=r"image a: has no pixel spacing .* column spacing_mm"):
        decode(png(IMAGE8), ImageEntry("a"))
    assert decode(png(IMAGE8), ImageEntry("a", spacing_mm=0.1)).shape == IMAGE8.shape


@pytest.mark.parametrize("data", [png(IMAGE8)[:200], tiff(IMAGE16)[:100], b"II*\0" + b"\xff" * 50])
def test_damaged_files_are_refused_by_name(data):
    with pytest.raises(StudyError, match="image a: its content could not be decoded"):
        pixels(data)


def jpeg(image, mode=None, **options):
    buffer = io.BytesIO()
    made = Image.fromarray(image)
    (made.convert(mode) if mode else made).save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"quality": 40}, {"optimize": True}]
)
@pytest.mark.parametrize("mode", [None, "RGB"])
def test_jpeg(options, mode):
    data = jpeg(IMAGE8, mode, **options)
    found = decode(data, ImageEntry("a", spacing_mm=0.05))
    theirs = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(found.pixels, theirs if mode is None else theirs[:, :, 0])
    assert found.stored.dtype == np.uint8
    assert found.provenance["transfer_syntax"] == "JPEG"
    assert (found.spacing_mm, found.spacing_source) == ((0.05, 0.05), "table")


def test_jpeg_of_more_bits():
    for name in ("jpeg_lossless_1.jpg", "jpeg_lossless_6.jpg"):
        found = decode((HERE / name).read_bytes(), ImageEntry("a", spacing_mm=0.1))
        np.testing.assert_array_equal(found.pixels, picture())
        assert found.provenance["bits_stored"] == "12"
    found = decode((HERE / "jpeg_extended_dcmtk.jpg").read_bytes(), ImageEntry("a", spacing_mm=0.1))
    np.testing.assert_array_equal(found.pixels, np.load(HERE / "jpeg_extended_dcmtk.npy"))


def test_the_resolution_of_a_jpeg_is_no_spacing():
    with pytest.raises(StudyError, match="has no pixel spacing in the file and none in column"):
        decode(jpeg(IMAGE8, dpi=(508, 508)), ImageEntry("a"))


def test_a_color_jpeg_is_refused():
    color = np.repeat(IMAGE8[:, :, None], 3, axis=2)
    color[:, :, 0] //= 2
    with pytest.raises(StudyError, match="image a: is a color image"):
        pixels(jpeg(color))
    with pytest.raises(StudyError, match=r"is a color image.*\(4 channels\)"):
        pixels(jpeg(color, "CMYK"))


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_jpeg_without_its_end_is_refused(part):
    data = jpeg(IMAGE8, quality=95)
    with pytest.raises(StudyError, match="image a: is cut short: it has no end marker"):
        pixels(data[: int(part * len(data))])


def test_what_claims_an_impossible_size_is_not_decoded(monkeypatch):
    monkeypatch.setattr(decoders, "decode_file", None)
    data = bytearray(jpeg(IMAGE8))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(StudyError, match="claims a size no mammogram has"):
        pixels(bytes(data))
    header = struct.pack(">II", 60000, 60000) + b"\x08\0\0\0\0"
    chunk = b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    with pytest.raises(StudyError, match="claims a size no mammogram has"):
        pixels(png(IMAGE8)[:12] + chunk + png(IMAGE8)[33:])


@pytest.mark.parametrize("turned", [2, 3, 6, 8])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_an_image_that_is_to_be_turned_is_refused(kind, turned):
    exif = Image.Exif()
    for orientation in (turned, 1):
        exif[274] = orientation
        buffer = io.BytesIO()
        Image.fromarray(IMAGE8).save(buffer, kind, exif=exif)
        if orientation == 1:
            assert pixels(buffer.getvalue()).shape == IMAGE8.shape
            continue
        with pytest.raises(StudyError, match=rf"asks to be turned.*\(Orientation {turned}\)"):
            pixels(buffer.getvalue())


def test_what_kills_its_decoder_costs_one_image(monkeypatch):
    def killed(frame, description, room):
        os.kill(os.getpid(), signal.SIGSEGV)

    monkeypatch.setattr(decoders, "_PROCESS", DecodingProcess(killed))
    for data in (png(IMAGE8), tiff(IMAGE16), jpeg(IMAGE8)):
        with pytest.raises(StudyError, match="image a: its content brings its decoder down"):
            pixels(data)
