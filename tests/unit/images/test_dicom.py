import errno

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless
from tests.unit.images.making import breast, dataset, dicom, to_bytes

from microcalc.core.errors import StudyError
from microcalc.images.dicom import decode, read_mammogram
from microcalc.images.image_entry import ImageEntry
from microcalc.run import end_of_run_warnings


def test_pixels_are_floats_of_the_stored_values():
    image = breast()
    mammogram = decode(dicom(image, BitsStored=12), ImageEntry("a"))
    assert mammogram.pixels.dtype == np.float32
    np.testing.assert_array_equal(mammogram.pixels, image)
    assert mammogram.shape == image.shape
    assert mammogram.valid.all()
    assert mammogram.provenance["transfer_syntax"] == "Explicit VR Little Endian"


def test_monochrome1_is_turned_over():
    image = breast()
    mono2 = decode(dicom(image, BitsStored=12), ImageEntry("a"))
    mono1 = decode(
        dicom(4095 - image, BitsStored=12, PhotometricInterpretation="MONOCHROME1"), ImageEntry("a")
    )
    np.testing.assert_array_equal(mono1.pixels, mono2.pixels)
    assert mono1.grey.inverted
    assert not mono2.grey.inverted


def test_read_mammogram_reads_a_file(tmp_path):
    path = tmp_path / "one.dcm"
    path.write_bytes(dicom(breast()))
    mammogram = read_mammogram(path, image_id="a")
    assert (mammogram.laterality, mammogram.view) == ("L", "CC")
    assert mammogram.spacing_mm == (0.1, 0.1)
    assert mammogram.spacing_source == "ImagerPixelSpacing"


def test_an_io_error_stays_one_and_names_the_image_not_the_path(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"image a7: .*No such file") as caught:
        read_mammogram(tmp_path / "Mustermann.dcm", image_id="a7")
    assert "Mustermann" not in str(caught.value)
    assert caught.value.errno == errno.ENOENT
    assert caught.value.filename is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a DICOM file"),
        (b"hello" * 100, "not a DICOM file"),
        (dicom(breast())[:5000], r"is cut short: .* \(\d+ of 240000 bytes\)"),
        (to_bytes(dataset(breast(), PhotometricInterpretation="RGB")), "RGB"),
        (to_bytes(dataset(breast(), NumberOfFrames=3)), "multi-frame"),
        (to_bytes(dataset(breast(), Rows=60000, Columns=60000)), "60000 rows"),
        (to_bytes(dataset(breast(), BitsAllocated=32)), "bits allocated"),
        (to_bytes(dataset(breast(), ImagerPixelSpacing=None)), "spacing_mm"),
        (to_bytes(dataset(breast(), ImagerPixelSpacing=[0.0001, 0.0001])), "0.0001 x 0.0001"),
        (to_bytes(dataset(breast(), ImagerPixelSpacing=[25, 25])), "25 x 25"),
    ],
)
def test_unusable_content_is_refused_by_name(data, words):
    with pytest.raises(StudyError, match=words) as caught:
        decode(data, ImageEntry("a7"))
    assert str(caught.value).startswith("image a7: ")
    assert "Mustermann" not in str(caught.value)


def test_an_object_without_pixels_is_refused():
    ds = dataset(breast())
    del ds.PixelData
    with pytest.raises(StudyError, match="image a7: holds no pixel data"):
        decode(to_bytes(ds), ImageEntry("a7"))


def test_the_spacing_of_the_table_is_taken_before_the_files():
    bare = decode(dicom(breast(), ImagerPixelSpacing=None), ImageEntry("a", spacing_mm=0.07))
    assert (bare.spacing_mm, bare.spacing_source) == ((0.07, 0.07), "table")
    both = decode(dicom(breast()), ImageEntry("a", spacing_mm=0.07))
    assert (both.spacing_mm, both.spacing_source) == ((0.07, 0.07), "table")
    assert "spacing_contradiction" in both.flags


def test_flags_about_identity():
    data = dicom(breast(), BurnedInAnnotation="YES")
    mammogram = decode(data, ImageEntry("a", pseudonyms=("case-1", "MRN-0815")))
    assert {"burned_in_annotation", end_of_run_warnings.IDENTIFIED} <= set(mammogram.flags)
    assert (
        end_of_run_warnings.IDENTIFIED not in decode(data, ImageEntry("a", pseudonyms=("",))).flags
    )


def test_nothing_of_the_patient_module_is_kept():
    ds = dataset(breast())
    ds.PatientBirthDate = "19991231"
    mammogram = decode(to_bytes(ds), ImageEntry("a"))
    text = repr(vars(mammogram))
    for secret in ("Mustermann", "MRN-0815", "19991231"):
        assert secret not in text


def test_a_decompression_bomb_is_refused(monkeypatch):
    monkeypatch.setattr("microcalc.images.dicom.MOST_PIXELS", 100_000)
    ds = dataset(np.zeros((64, 64), np.uint16), syntax=DeflatedExplicitVRLittleEndian)
    assert decode(to_bytes(ds), ImageEntry("a")).shape == (64, 64)
    ds.PixelData = bytes(20 << 20)
    with pytest.raises(StudyError, match="image a: unpacks to more data"):
        decode(to_bytes(ds), ImageEntry("a"))


def test_a_stream_of_another_size_is_refused_before_it_is_decoded():
    ds = dataset(breast(80, 60), BitsStored=12)
    ds.compress(JPEG2000Lossless, generate_instance_uid=False)
    ds.Rows = 60
    with pytest.raises(
        StudyError, match=r"one size in its header and another .* \(60 x 60, 80 x 60\)"
    ):
        decode(to_bytes(ds), ImageEntry("a"))
