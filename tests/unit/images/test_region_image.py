"""Regions at the spacing of their own pixels: what is cut, and how a shard keeps it."""

import io

import numpy as np
import pytest
from PIL import Image
from tests.unit.images.making import SETTINGS, breast, dicom, row

from microcalc.config.image_settings import ImageSettings, PatchSettings
from microcalc.config.patch_recipe import Recipe
from microcalc.images import regions, shards
from microcalc.images.dicom import decode
from microcalc.images.image_entry import ImageEntry
from microcalc.images.patches import extract
from microcalc.images.roi import Roi

SIZES = {"spacing_mm": 0.1, "patch_mm": 6.4, "thumbnail_px": 48}


def mammogram(image, **attributes):
    values = {"BitsStored": 12, "ImagerPixelSpacing": [0.1, 0.1]} | attributes
    return decode(dicom(image, **values), ImageEntry("a"))


def drawn(pixels, shape):
    """The ROI of a mask file in which these pixels are drawn."""
    mask, file = np.zeros(shape, np.uint8), io.BytesIO()
    mask[pixels] = 255
    Image.fromarray(mask).save(file, "PNG")
    rules = PatchSettings(roi_speck_mm2=0.0).region_rules
    return regions.from_file(file.getvalue(), image_id="a", shape=shape, rules=rules)


def test_the_pixels_are_those_of_the_file_and_the_mask_is_the_one_drawn():
    image = breast(200, 150, chest_wall="left")
    rows, columns = np.array([60, 60, 61, 62]), np.array([30, 31, 31, 32])
    roi = drawn((rows, columns), image.shape)
    region = extract(mammogram(image), roi, **SIZES, region_margin_mm=0.5).region
    np.testing.assert_array_equal(region.pixels, image[55:68, 25:38])
    np.testing.assert_array_equal(
        np.argwhere(region.region), np.stack([rows, columns], 1) - [55, 25]
    )
    assert region.breast.all()
    assert (region.spacing_mm, region.bits_stored) == ((0.1, 0.1), 12)


def test_a_box_holds_the_pixels_whose_middle_is_in_it():
    image = breast(200, 150, chest_wall="left")
    box = Roi(30.4, 60, 33.6, 62)
    region = extract(mammogram(image), box, **SIZES, region_margin_mm=0.0).region
    assert region.region.astype(int).tolist() == [[1, 1, 1, 1], [1, 1, 1, 1]]
    narrow = Roi(30.6, 60, 33.4, 62).filled(range(60, 62), range(30, 34))
    assert narrow.astype(int).tolist() == [[0, 1, 1, 0], [0, 1, 1, 0]]


def test_it_is_turned_as_the_patch_is():
    image = breast(200, 150, chest_wall="left")
    pixels = (np.array([60, 61, 61]), np.array([30, 30, 31]))
    mirrored = (pixels[0], 149 - pixels[1])
    one = extract(mammogram(image), drawn(pixels, image.shape), **SIZES, region_margin_mm=1.0)
    other = extract(
        mammogram(image[:, ::-1], ImageLaterality="R"),
        drawn(mirrored, image.shape),
        **SIZES,
        region_margin_mm=1.0,
    )
    assert (one.flipped, other.flipped) == (False, True)
    np.testing.assert_array_equal(one.region.pixels, other.region.pixels)
    np.testing.assert_array_equal(one.region.region, other.region.region)


def test_rows_counted_from_the_bottom_turn_the_drawn_pixels_too():
    roi = drawn((np.array([10, 11]), np.array([30, 31])), (100, 80))
    again = roi.reversed_rows(100)
    window = again.filled(range(85, 95), range(28, 34))
    assert np.argwhere(window).tolist() == [[3, 3], [4, 2]]
    assert str(again) == "x 30 to 32, y 88 to 90"


def test_the_window_ends_where_the_image_ends():
    image = breast(200, 150, chest_wall="left")
    region = extract(mammogram(image), Roi(2, 90, 20, 110), **SIZES, region_margin_mm=3.0).region
    assert region.pixels.shape == (80, 50)
    assert region.region.sum() == 18 * 20
    assert region.region[:, :2].sum() == 0


def test_several_components_that_are_all_the_region_are_all_in_it():
    rules = PatchSettings(roi_speck_mm2=0.0, roi_components="all").region_rules
    mask, file = np.zeros((100, 80), np.uint8), io.BytesIO()
    mask[10:12, 10:12] = mask[20:23, 30:33] = 255
    Image.fromarray(mask).save(file, "PNG")
    roi = regions.from_file(file.getvalue(), image_id="a", shape=mask.shape, rules=rules)
    np.testing.assert_array_equal(roi.filled(range(100), range(80)), mask > 0)


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate("abc"):
        (tmp_path / f"{name}.dcm").write_bytes(dicom(breast(seed=seed), BitsStored=12))
    (tmp_path / "b.dcm").write_bytes(b"no image")
    return tmp_path


def update(folder, **given):
    path = folder / "shard-0.npz"
    settings = ImageSettings.of(SETTINGS)
    rows = [row(name) for name in "abc"]
    shards.update(path, rows, settings=settings, image_folder=folder, digest="d", **given)
    return shards.read(path)


def test_a_shard_keeps_them_and_takes_them_over_from_an_earlier_run(folder):
    made = update(folder, region_margin_mm=1.0)
    assert made.status.tolist() == ["ok", "excluded", "ok"]
    assert made.region(1) is None
    before, content = made.region(2), (folder / "shard-0.npz").read_bytes()
    assert before.region.any()
    assert not before.region.all()
    again = update(folder, region_margin_mm=1.0)
    assert (folder / "shard-0.npz").read_bytes() == content
    for name in ("pixels", "region", "breast"):
        np.testing.assert_array_equal(getattr(again.region(2), name), getattr(before, name))
    wider = update(folder, region_margin_mm=2.0)
    assert wider.region(0).pixels.size > before.pixels.size
    assert update(folder).region(0) is None


def test_a_shard_without_them_is_the_file_that_it_was(folder):
    update(folder, region_margin_mm=1.0)
    update(folder)
    plain = (folder / "shard-0.npz").read_bytes()
    (folder / "shard-0.npz").unlink()
    update(folder)
    assert (folder / "shard-0.npz").read_bytes() == plain
    assert b"region_" not in plain
    assert "region_margin_mm" not in Recipe.from_settings(ImageSettings.of(SETTINGS)).as_key()
