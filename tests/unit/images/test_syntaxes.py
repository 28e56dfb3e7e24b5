"""Every transfer syntax that mammography uses, by files that an independent encoder made."""

import io
import itertools
import os
import signal
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from tests.unit.images.data.make import picture
from tests.unit.images.making import dataset, to_bytes

from microcalc.core.errors import StudyError
from microcalc.images import decoders
from microcalc.images.decoding_process import DecodingProcess
from microcalc.images.dicom import decode
from microcalc.images.image_entry import ImageEntry

DATA = Path(__file__).parent / "data"


def encapsulated(stream, syntax, stored, **attributes):
    ds = dataset(stored, **attributes)
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return to_bytes(ds)


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
    ],
    ids=lambda u: u.name,
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_native(syntax, dtype):
    image = (picture() - 1000 * (dtype is np.int16)).astype(dtype)
    mammogram = decode(to_bytes(dataset(image, syntax=syntax)), ImageEntry("a"))
    np.testing.assert_array_equal(mammogram.pixels, image)
    assert mammogram.provenance["transfer_syntax"] == syntax.name


@pytest.mark.parametrize(
    ("syntax", "options", "error"),
    [
        (uid.RLELossless, {}, 0),
        (uid.JPEGLSLossless, {}, 0),
        (uid.JPEGLSNearLossless, {"jls_error": 3}, 3),
        (uid.JPEG2000Lossless, {}, 0),
        (uid.JPEG2000, {"j2k_psnr": [70]}, 20),
    ],
    ids=lambda value: getattr(value, "name", None),
)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_compressed_by_pydicom(syntax, options, error, bits):
    image = (picture() >> 4).astype(np.uint8) if bits == 8 else picture() << (bits - 12)
    ds = dataset(image, BitsStored=bits)
    ds.compress(syntax, generate_instance_uid=False, **options)
    found = decode(to_bytes(ds), ImageEntry("a")).pixels
    worst = np.abs(found - image).max()
    assert worst <= error * (2 ** (bits - 12) if syntax == uid.JPEG2000 and bits > 12 else 1)
    assert (worst == 0) == (error == 0)


@pytest.mark.parametrize(
    ("syntax", "dtype", "bits"),
    [
        *itertools.product([uid.RLELossless, uid.JPEGLSLossless], [np.uint8], [6, 8]),
        *itertools.product([uid.RLELossless, uid.JPEGLSLossless], [np.uint16], [12, 16]),
        *itertools.product([uid.RLELossless, uid.JPEGLSLossless], [np.int16], [16]),
        (uid.JPEGLSLossless, np.uint16, 7),
    ],
)
def test_cells_are_those_of_pydicoms_plugin(syntax, dtype, bits):
    image = (picture().astype(int) % 2**bits - 30 * (dtype is np.int16)).astype(dtype)
    ds = dataset(image, BitsStored=bits)
    ds.compress(syntax, generate_instance_uid=False)
    data = to_bytes(ds)
    plugin = {uid.RLELossless: "pylibjpeg"}.get(syntax, decoders.chosen()[syntax])
    theirs, _ = get_decoder(syntax).as_array(
        pydicom.dcmread(io.BytesIO(data)), index=0, raw=True, decoding_plugin=plugin
    )
    found = decode(data, ImageEntry("a")).stored
    assert found.dtype.itemsize == theirs.dtype.itemsize
    np.testing.assert_array_equal(found, theirs.view(found.dtype))


@pytest.mark.parametrize(
    ("name", "syntax", "error"),
    [
        ("htj2k_lossless.j2c", uid.HTJ2KLossless, 0),
        ("htj2k_lossless.j2c", uid.HTJ2KLosslessRPCL, 0),
        ("htj2k_lossy.j2c", uid.HTJ2K, 80),
        ("jpeg_lossless_1.jpg", uid.JPEGLosslessSV1, 0),
        ("jpeg_lossless_1.jpg", uid.JPEGLossless, 0),
        ("jpeg_lossless_6.jpg", uid.JPEGLossless, 0),
        ("jpeg_extended.jpg", uid.JPEGExtended12Bit, 2),
    ],
)
def test_codestreams_of_another_encoder(name, syntax, error):
    stream = (DATA / name).read_bytes()
    found = decode(encapsulated(stream, syntax, picture(), BitsStored=12), ImageEntry("a")).pixels
    worst = np.abs(found - picture()).max()
    assert worst <= error
    assert (worst == 0) == (error == 0)


def test_jpeg_extended_of_dcmtk_is_what_dcmtk_reads():
    """DCMTK 3.6.7 wrote the stream (dcmcjpeg +ee +q 90) and the pixels (dcmdjpeg)."""
    stream = (DATA / "jpeg_extended_dcmtk.jpg").read_bytes()
    data = encapsulated(stream, uid.JPEGExtended12Bit, picture(), BitsStored=12)
    theirs = np.load(DATA / "jpeg_extended_dcmtk.npy")
    found = decode(data, ImageEntry("a"))
    np.testing.assert_array_equal(found.stored, theirs)
    assert found.stored.dtype == np.uint16
    assert found.stored.max() > 2**11


@pytest.mark.parametrize("bits", [2, 8, 9, 12, 15, 16])
def test_jpeg_lossless_of_every_predictor_as_another_decoder_reads_it(bits):
    image = np.random.default_rng(bits).integers(0, 2**bits, (70, 90))
    image = image.astype(np.uint8 if bits <= 8 else np.uint16)
    for predictor in range(1, 8):
        stream = imagecodecs.jpeg8_encode(
            image, lossless=True, predictor=predictor, bitspersample=bits
        )
        data = encapsulated(stream, uid.JPEGLossless, image, BitsStored=bits)
        np.testing.assert_array_equal(decode(data, ImageEntry("a")).pixels, image)
        theirs, _ = get_decoder(uid.JPEGLossless).as_array(
            pydicom.dcmread(io.BytesIO(data)), index=0, raw=True, decoding_plugin="pylibjpeg"
        )
        np.testing.assert_array_equal(theirs & (2**bits - 1), image)


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit])
@pytest.mark.parametrize("allocated", [np.uint8, np.uint16])
def test_jpeg_of_8_bits(syntax, allocated):
    image = (picture() >> 4).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=98)
    data = encapsulated(buffer.getvalue(), syntax, image.astype(allocated), BitsStored=8)
    found = decode(data, ImageEntry("a")).pixels
    np.testing.assert_allclose(found, image, atol=4)
    np.testing.assert_array_equal(found, np.asarray(Image.open(buffer)))


@pytest.mark.parametrize("precision", ["signed", "unsigned"])
def test_signed_pixels_through_jpeg2000(precision):
    image = picture().astype(np.int16) - 2000 if precision == "signed" else picture()
    ds = dataset(image, BitsStored=16)
    ds.compress(uid.JPEG2000Lossless, generate_instance_uid=False)
    np.testing.assert_array_equal(decode(to_bytes(ds), ImageEntry("a")).pixels, image)


def test_a_video_or_unknown_syntax_is_refused_by_name():
    ds = dataset(picture())
    ds.file_meta.TransferSyntaxUID = uid.MPEG2MPML
    ds.PixelData = encapsulate([b"\0" * 100])
    with pytest.raises(StudyError, match="MPEG2"):
        decode(to_bytes(ds), ImageEntry("a"))


@pytest.mark.parametrize(
    "name",
    [
        "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_expb.dcm",
        "image_dfl.dcm", "JPGExtended.dcm", "JPEG2000.dcm", "JPEGLSNearLossless_16.dcm",
        "examples_jpeg2k.dcm", "693_J2KI.dcm", "J2K_pixelrep_mismatch.dcm",
    ],
)  # fmt: skip
def test_pydicoms_own_files_agree_with_its_own_reading(name):
    path = get_testdata_file(name, download=False)
    ds = pydicom.dcmread(path)
    # Two of them are nuclear medicine, with pixels of 2 mm.
    ds.pop("PixelSpacing", None)
    data = to_bytes(ds)
    if ds.PhotometricInterpretation not in {"MONOCHROME1", "MONOCHROME2"}:
        with pytest.raises(StudyError, match="photometric"):
            decode(data, ImageEntry("a", spacing_mm=0.1))
        return
    expected = ds.pixel_array.astype(float) * float(ds.get("RescaleSlope", 1))
    mammogram = decode(data, ImageEntry("a", spacing_mm=0.1), voi="none")
    expected += float(ds.get("RescaleIntercept", 0))
    if mammogram.grey.inverted:
        expected = -expected
    difference = mammogram.pixels - expected
    # pydicom reads a lossy JPEG by another decoder, and each may round as it likes (T.83).
    rounding = 1.0 if name == "JPGExtended.dcm" else 1e-3
    np.testing.assert_allclose(difference, np.median(difference), atol=rounding)


@pytest.mark.parametrize(
    "name", ["MR_small_jp2klossless.dcm", "MR_small_RLE.dcm", "examples_jpeg2k.dcm", "MR_small.dcm"]
)
def test_a_whole_object_is_what_pydicom_makes_of_it(name):
    ds = pydicom.dcmread(get_testdata_file(name, download=False))
    np.testing.assert_array_equal(decoders.decompressed(ds).pixel_array, ds.pixel_array)


def test_every_compressed_syntax_that_is_read_has_its_decoder():
    for syntax, plugin in decoders.chosen().items():
        package, _, codec = plugin.partition(".")
        assert package == "imagecodecs" or plugin in get_decoder(syntax).available_plugins
        assert not codec or hasattr(imagecodecs, f"{codec}_decode")


def test_lossless_jpeg_is_decoded_where_its_pixels_are_to_lie():
    given = []

    def room(shape, dtype):
        given.append(np.zeros(shape, dtype))
        return given[0]

    described = {"rows": picture().shape[0], "columns": picture().shape[1], "bits_allocated": 16}
    stream = (DATA / "jpeg_lossless_1.jpg").read_bytes()
    found = decoders._here(stream, {"syntax": uid.JPEGLosslessSV1, **described}, room)
    assert np.shares_memory(found, given[0])
    np.testing.assert_array_equal(given[0], picture())


def test_an_image_that_kills_its_decoder_is_named(monkeypatch):
    def killed(frame, description, room):
        os.kill(os.getpid(), signal.SIGABRT)

    monkeypatch.setattr(decoders, "_PROCESS", DecodingProcess(killed))
    data = encapsulated((DATA / "jpeg_lossless_1.jpg").read_bytes(), uid.JPEGLosslessSV1, picture())
    with pytest.raises(
        StudyError, match=r"image a: its content brings its decoder down.* \(SIGABRT\)"
    ):
        decode(data, ImageEntry("a"))


def test_a_small_frame_in_large_boxes_is_refused_undecoded(monkeypatch):
    monkeypatch.setattr(decoders, "decode", None)
    stream = (DATA / "htj2k_lossless.j2c").read_bytes()
    large = stream[:8] + struct.pack(">II", 60000, 60000) + stream[16:]
    box = b"\0\0\0\x0cjP  \r\n\x87\n" + struct.pack(">I4s", 8 + len(large), b"jp2c") + large
    with pytest.raises(StudyError, match=r"another in its pixel data.*, 60000 x 60000\)"):
        decode(encapsulated(box, uid.HTJ2KLossless, picture()), ImageEntry("a"))


@pytest.mark.parametrize(
    ("syntax", "options"),
    [
        (uid.ExplicitVRLittleEndian, None),
        (uid.DeflatedExplicitVRLittleEndian, None),
        (uid.RLELossless, {}),
        (uid.JPEGLSLossless, {}),
        (uid.JPEG2000Lossless, {}),
    ],
    ids=lambda value: getattr(value, "name", None),
)
@pytest.mark.parametrize("part", [0.5, 0.9, 0.999])
def test_a_file_that_ends_early_is_cut_short(syntax, options, part):
    native = options is None
    ds = dataset(picture(), syntax=syntax if native else uid.ExplicitVRLittleEndian, BitsStored=12)
    if not native:
        ds.compress(syntax, generate_instance_uid=False)
    data = to_bytes(ds)
    with pytest.raises(StudyError, match=r"^image a: is cut short: .*export it again"):
        # Of a compressed frame the last eight bytes say that there is no other.
        decode(data[: min(int(part * len(data)), len(data) - 8)], ImageEntry("a"))


def test_what_is_no_image_holds_no_pixel_data():
    ds = dataset(picture())
    for keyword in ("PixelData", "Rows", "Columns"):
        delattr(ds, keyword)
    with pytest.raises(StudyError, match=r"^image a: holds no pixel data \(structured report"):
        decode(to_bytes(ds), ImageEntry("a"))
