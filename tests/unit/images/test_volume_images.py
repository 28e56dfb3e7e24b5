"""Directions, spacing, slices and gray levels of NIfTI, NRRD and MetaImage mammograms."""

import gzip
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK
from tests.unit.images.data.make import HERE, picture
from tests.unit.images.making import breast

from microcalc.config.image_settings import PatchSettings
from microcalc.core.errors import StudyError
from microcalc.images import volumes
from microcalc.images.formats import decode
from microcalc.images.image_entry import ImageEntry
from microcalc.images.regions import from_file
from microcalc.images.roi import Roi

STANDARD = PatchSettings().region_rules

IMAGE = breast(120, 100)
BOX = Roi(30, 20, 60, 45)
# Columns lead to the left; rows to the back, downward, or to the front, upward.
DOWNWARD, UPWARD = (1, 0, 0, 0, 1, 0, 0, 0, 1), (1, 0, 0, 0, -1, 0, 0, 0, 1)


def volume(array, tmp_path, suffix=".nii", spacing=(0.4, 0.4, 1.0), direction=None, origin=None):
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(spacing[: image.GetDimension()])
    if direction:
        image.SetDirection(direction)
    if origin:
        image.SetOrigin(origin)
    path = tmp_path / f"volume{suffix}"
    SimpleITK.WriteImage(image, str(path))
    return path.read_bytes()


def silent(data):
    """Take the orientation out of a NIfTI file, as dcm2niix leaves it."""
    changed = bytearray(data)
    changed[252:256] = bytes(4)
    changed[280:328] = bytes(48)
    return bytes(changed)


def read(data, orientation="header", **said):
    return decode(data, ImageEntry("a", **said), orientation=orientation)


def drawn(box=BOX):
    mask = np.zeros(IMAGE.shape, np.uint8)
    mask[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] = 1
    return mask


def region(data, mammogram, **rules):
    return from_file(
        data,
        image_id="a",
        shape=mammogram.shape,
        place=mammogram.place,
        rules=replace(STANDARD, **rules),
    )


# Files of other tools


def test_what_dcm2niix_writes():
    data = (HERE / "dcm2niix.nii.gz").read_bytes()
    with pytest.raises(StudyError, match="no pixel spacing in the file and none in column"):
        read(data)
    found = read(data, spacing_mm=0.1)
    np.testing.assert_array_equal(found.pixels, picture()[::-1])
    np.testing.assert_array_equal(found.top_down.pixels, picture())
    assert (found.spacing_mm, found.spacing_source) == ((0.1, 0.1), "table")
    assert (found.bottom_up, found.flags) == (True, ("image_small", "image_orientation_unsure"))
    assert found.provenance["transfer_syntax"] == "NIfTI"


@pytest.mark.parametrize(
    ("name", "source"), [("nibabel.nii.gz", "NIfTI pixdim"), ("pynrrd.nrrd", "NRRD header")]
)
def test_what_nibabel_and_pynrrd_write(name, source):
    found = read((HERE / name).read_bytes())
    np.testing.assert_array_equal(found.pixels, picture())
    assert (found.spacing_mm, found.spacing_source) == ((0.1, 0.1), source)
    assert (found.bottom_up, found.flags) == (False, ("image_small",))


# Spacing


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
def test_rows_and_columns_have_their_own_spacing(suffix, tmp_path):
    found = read(volume(IMAGE, tmp_path, suffix, spacing=(0.4, 0.3)))
    assert found.spacing_mm == (0.3, 0.4)
    assert found.place.spacing_mm == (0.3, 0.4)


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
def test_a_spacing_of_1_is_for_want_of_one(suffix, tmp_path):
    data = volume(IMAGE, tmp_path, suffix, spacing=(1.0, 1.0))
    with pytest.raises(StudyError, match="has no pixel spacing in the file"):
        read(data)
    found = read(data, spacing_mm=0.4)
    assert (found.spacing_mm, found.flags) == ((0.4, 0.4), ())


def test_the_table_wins_and_is_flagged(tmp_path):
    data = volume(IMAGE, tmp_path)
    assert read(data, spacing_mm=0.4).spacing_source == "NIfTI pixdim"
    found = read(data, spacing_mm=0.3)
    assert (found.spacing_mm, found.spacing_source) == ((0.3, 0.3), "table")
    assert found.flags == ("spacing_contradiction",)


def test_an_implausible_spacing_is_refused(tmp_path):
    with pytest.raises(StudyError, match="has a pixel spacing no mammogram has"):
        read(volume(IMAGE, tmp_path, spacing=(40.0, 40.0)))
    with pytest.raises(StudyError, match="larger than any mammogram"):
        read(volume(breast(600, 500), tmp_path, spacing=(0.9, 0.9)))


@pytest.mark.parametrize(("code", "unit_mm"), [(0, 1.0), (2, 1.0), (3, 0.001), (1, 1000.0)])
def test_units_of_nifti(code, unit_mm, tmp_path):
    data = bytearray(volume(IMAGE, tmp_path, spacing=(0.4 / unit_mm,) * 2))
    data[123] = code
    assert read(bytes(data)).spacing_mm == (0.4, 0.4)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'spacings: 0.4 0.3\nunits: "mm" "mm"', (0.3, 0.4)),
        (b'spacings: 400 300\nunits: "um" "um"', (0.3, 0.4)),
        (b"space dimension: 2\nspace directions: (0.04,0) (0,0.03)\n"
         b'space units: "cm" "cm"', (0.3, 0.4)),
        (b'spacings: 0.4 0.3\nunits: "inch" "inch"', None),
        (b"spacings: nan nan", None),
        (b"kinds: domain domain", None),
    ],
)  # fmt: skip
def test_units_of_nrrd(line, expected):
    start = b"NRRD0004\ntype: uint16\ndimension: 2\nsizes: 100 120\nencoding: raw\nendian: little\n"
    data = start + line + b"\n\n" + IMAGE.astype("<u2").tobytes()
    if expected is None:
        with pytest.raises(StudyError, match="has no pixel spacing in the file"):
            read(data)
        return
    np.testing.assert_allclose(read(data).spacing_mm, expected)


def test_a_nifti_file_of_two_spacings_needs_the_table(tmp_path):
    data = bytearray(volume(IMAGE, tmp_path))
    data[280:328] = np.diag((-0.1, -0.1, 1.0, 1.0))[:3].astype("<f4").tobytes()
    with pytest.raises(StudyError, match=r"two pixel spacings \(pixdim and sform differ\)"):
        read(bytes(data))
    assert read(bytes(data), spacing_mm=0.3).spacing_mm == (0.3, 0.3)


# Directions


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize(("direction", "upward"), [(DOWNWARD, False), (UPWARD, True)])
def test_the_header_says_which_way_rows_run(suffix, direction, upward, tmp_path):
    stored = np.ascontiguousarray(IMAGE[::-1] if upward else IMAGE)
    # Without an origin, upward is what a header that says nothing looks like.
    data = volume(stored[None], tmp_path, suffix, direction=direction, origin=(1, 2, 3))
    found = read(data)
    np.testing.assert_array_equal(found.pixels, stored)
    np.testing.assert_array_equal(found.top_down.pixels, IMAGE)
    assert (found.bottom_up, found.flags) == (upward, ())
    for orientation, bottom_up in (("stored", False), ("rows_reversed", True)):
        assert read(data, orientation=orientation).bottom_up is bottom_up


def test_a_header_that_knows_the_patient_gives_the_letters(tmp_path):
    # A cranio-caudal view of a left breast: rows to the front, columns to the right.
    axes = np.array([[0, -1, 0], [-1, 0, 0], [0, 0, 1]]).T
    data = volume(IMAGE[None], tmp_path, ".nrrd", direction=axes.ravel().tolist())
    found = read(data)
    assert (found.row_direction, found.column_direction) == ("A", "R")
    assert not found.bottom_up
    assert found.place.row_direction == (0, -1, 0)


@pytest.mark.parametrize("orientation", ["header", "stored", "rows_reversed"])
def test_a_mask_drawn_on_a_file_that_says_nothing_is_taken_index_by_index(orientation, tmp_path):
    image = silent(volume(IMAGE.astype(np.int16), tmp_path, spacing=(1.0, 1.0)))
    mammogram = read(image, spacing_mm=0.4, orientation=orientation)
    for mask in (
        silent(volume(drawn(), tmp_path, spacing=(1.0, 1.0))),
        # As viewers write it: with the orientation that they assume.
        volume(drawn(), tmp_path, spacing=(1.0, 1.0)),
        volume(drawn(), tmp_path, spacing=(1.0, 1.0), direction=(1, 0, 0, -1), origin=(0, 9)),
        volume(drawn()[None], tmp_path, ".nrrd", spacing=(1.0, 1.0, 1.0)),
    ):
        roi = region(mask, mammogram)
        assert (roi, roi.flags) == (BOX, ())


def test_a_mask_of_another_spacing_was_drawn_on_another_file(tmp_path):
    image = silent(volume(IMAGE.astype(np.int16), tmp_path, spacing=(1.0, 1.0)))
    mammogram = read(image, spacing_mm=0.4)
    elsewhere = volume(drawn(), tmp_path, spacing=(0.4, 0.4))
    roi = region(elsewhere, mammogram)
    assert (roi, roi.flags) == (BOX, ("roi_orientation_unsure",))
    assert region(elsewhere, mammogram, orientation="stored").flags == ()
    turned = region(elsewhere, mammogram, orientation="rows_reversed")
    assert turned == Roi(30, 120 - 45, 60, 120 - 20)


def test_a_mask_without_a_spacing_on_an_image_with_one_is_unsure(tmp_path):
    mammogram = read(volume(IMAGE, tmp_path))
    assert region(volume(drawn(), tmp_path), mammogram).flags == ()
    lost = region(volume(drawn(), tmp_path, spacing=(1.0, 1.0)), mammogram)
    assert (lost, lost.flags) == (BOX, ("roi_orientation_unsure",))


@pytest.mark.parametrize("image_up", [False, True])
@pytest.mark.parametrize("mask_up", [False, True])
@pytest.mark.parametrize("suffix", [".nii", ".nrrd"])
def test_image_and_mask_are_turned_to_each_other(image_up, mask_up, suffix, tmp_path):
    def written(array, upward):
        stored = np.ascontiguousarray(array[::-1] if upward else array)[None]
        direction = UPWARD if upward else DOWNWARD
        return volume(stored, tmp_path, suffix, direction=direction, origin=(1, 2, 3))

    mammogram = read(written(IMAGE, image_up))
    roi = region(written(drawn(), mask_up), mammogram)
    expected = BOX.reversed_rows(120) if image_up else BOX
    assert (roi, roi.flags) == (expected, ())
    # Where the region lies in what is shown does not depend on how the two are stored.
    shown = roi.reversed_rows(120) if mammogram.bottom_up else roi
    assert shown == BOX


# Slices


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_slice_is_chosen_by_column_frame(suffix, tmp_path):
    stack = np.stack([IMAGE, IMAGE[::-1], IMAGE[:, ::-1]])
    data = volume(stack, tmp_path, suffix)
    for frame in (1, 2, 3):
        found = read(data, frame=frame)
        np.testing.assert_array_equal(found.pixels, stack[frame - 1])
        assert (found.place.frame, found.place.frames) == (frame, 3)
    with pytest.raises(StudyError, match=r"several slices; name one.*\(3 slices\)"):
        read(data)
    with pytest.raises(StudyError, match=r"no such frame .*\(frame 4 of 3\)"):
        read(data, frame=4)


def test_slices_of_a_mask_follow_those_of_the_image(tmp_path):
    stack, masks = np.stack([IMAGE] * 3), np.zeros((3, *IMAGE.shape), np.uint8)
    masks[2] = drawn()
    backward = (1, 0, 0, 0, 1, 0, 0, 0, -1)
    image = read(volume(stack, tmp_path, ".nrrd", direction=backward), frame=3)
    assert region(volume(masks, tmp_path, ".nrrd", direction=backward), image) == BOX
    assert region(volume(masks[::-1].copy(), tmp_path, ".nrrd"), image) == BOX
    with pytest.raises(StudyError, match="mask is empty"):
        region(volume(masks, tmp_path, ".nrrd"), image)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_axis_of_length_1_is_passed_over(axis, tmp_path):
    data = volume(np.expand_dims(IMAGE, axis), tmp_path, ".mha", spacing=(0.4, 0.4, 0.4))
    found = read(data)
    np.testing.assert_array_equal(found.pixels, IMAGE)
    assert found.place.frames == 1


# Gray levels


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint32, np.int64, np.float32])
def test_whole_numbers_arrive_as_they_are(suffix, dtype, tmp_path):
    image = (IMAGE >> 5).astype(np.int64) - (20 if dtype in (np.int8, np.int16) else 0)
    if suffix == ".mha" and dtype is np.int64:
        image += 5000
    found = read(volume(image.astype(dtype), tmp_path, suffix))
    np.testing.assert_array_equal(found.pixels, image)


def test_scale_and_intercept_of_nifti(tmp_path):
    data = bytearray(volume(IMAGE.astype(np.int16), tmp_path))
    for slope, intercept in ((1.0, -1024.0), (2.0, 0.0), (0.0, 0.0)):
        data[112:120] = np.array([slope, intercept], "<f4").tobytes()
        found = read(bytes(data)).pixels
        expected = slope * IMAGE.astype(float) + intercept if slope else IMAGE
        np.testing.assert_array_equal(found, expected)
    data[112:120] = np.array([0.001, 0.0], "<f4").tobytes()
    found = read(bytes(data)).pixels
    np.testing.assert_allclose(found, IMAGE * 0.001, atol=IMAGE.max() * 0.001 / 65535)


def test_fractions_keep_65536_levels(tmp_path):
    image = (np.sqrt(IMAGE) - 30).astype(np.float32)
    found = read(volume(image, tmp_path, ".nrrd"))
    assert found.stored.dtype == np.uint16
    step = float(image.max() - image.min()) / 65535
    np.testing.assert_allclose(found.pixels, image, atol=step / 2 * 1.01)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_refused(bad, tmp_path):
    image = IMAGE.astype(np.float32) / 3
    image[5, 5] = bad
    with pytest.raises(StudyError, match="image a: has pixels that are no numbers"):
        read(volume(image, tmp_path, ".mha"))


def test_one_pixel_must_not_cost_the_others_their_levels(tmp_path):
    image = IMAGE.astype(np.float32) / 3
    image[5, 5] = 1e8
    with pytest.raises(StudyError, match="image a: has pixels so far from all others"):
        read(volume(image, tmp_path, ".mha"))


# What is no gray image of one file


def test_what_is_wrong_is_named(tmp_path):
    color = SimpleITK.GetImageFromArray(np.stack([IMAGE] * 3, axis=-1), isVector=True)
    SimpleITK.WriteImage(color, str(tmp_path / "color.mha"))
    with pytest.raises(StudyError, match="image a: has several layers, such as colors"):
        read((tmp_path / "color.mha").read_bytes())
    four = bytearray(volume(np.stack([IMAGE] * 2), tmp_path))
    four[40:50] = np.array([4, 100, 120, 1, 2], "<i2").tobytes()
    with pytest.raises(StudyError, match="more than three dimensions"):
        read(bytes(four))
    pair = bytearray(volume(IMAGE, tmp_path))
    pair[344:347] = b"ni1"
    with pytest.raises(StudyError, match="pixels lie in a second file"):
        read(bytes(pair))
    with pytest.raises(StudyError, match="NIfTI-2 file; save it as NIfTI-1"):
        read((540).to_bytes(4, "little") + b"n+2\0" + bytes(800))
    with pytest.raises(StudyError, match=r"compressed file \(gzip\) that holds no NIfTI image"):
        read(gzip.compress(b"DICM" * 200))


def test_sizes_are_looked_at_before_pixels(tmp_path):
    header = b"NRRD0004\ntype: uint8\ndimension: 2\nsizes: %d %d\nencoding: raw\n\n"
    with pytest.raises(StudyError, match="claims more pixels than a mammogram has"):
        read(header % (30000, 30000))
    with pytest.raises(StudyError, match="claims a size no mammogram has"):
        read(header % (100, 1) + bytes(100))


def test_no_more_is_unpacked_than_the_header_asks_for(tmp_path, monkeypatch):
    small = volume(IMAGE, tmp_path)
    bomb = gzip.compress(small + bytes(2**26))
    assert volumes.opened(bomb).size == (100, 120, 1)
    np.testing.assert_array_equal(read(bomb).pixels, IMAGE)
    # Whatever follows the last value has been left alone, to the next mebibyte.
    assert len(volumes.opened(bomb)._data) < len(small) + 2**20
    large = bytearray(small)
    large[40:56] = np.array([3, 10000, 10000, 30, 1, 1, 1, 1], "<i2").tobytes()
    monkeypatch.setattr(volumes.decoders, "decode_file", None)
    for data in (bytes(large), gzip.compress(bytes(large) + bytes(2**26))):
        with pytest.raises(StudyError, match=r"claims more pixels than a mammogram has|cut short"):
            volumes.opened(data)


@pytest.mark.parametrize("packed", [False, True])
def test_a_big_endian_nifti_file(packed, tmp_path):
    header = np.frombuffer(volume(IMAGE, tmp_path)[:352], np.uint8).copy()
    # The length of the header, then every field that counts, turned around.
    for places, size in (((0,), 4), (range(40, 56, 2), 2), ((70, 72, 252, 254), 2)):
        for at in places:
            header[at : at + size] = header[at : at + size][::-1]
    for at in (*range(76, 120, 4), *range(256, 328, 4)):
        header[at : at + 4] = header[at : at + 4][::-1]
    data = header.tobytes() + IMAGE.astype(">u2").tobytes()
    found = read(gzip.compress(data) if packed else data)
    np.testing.assert_array_equal(found.pixels, IMAGE)
    assert (found.spacing_mm, found.bottom_up) == ((0.4, 0.4), False)
    with pytest.raises(StudyError, match="cut short"):
        read(gzip.compress(data[:-50]) if packed else data[:-50])
