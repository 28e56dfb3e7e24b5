import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from tests.unit.images.making import breast, dicom, film

from microcalc.config.patch_recipe import RECIPE
from microcalc.core.errors import StudyError
from microcalc.images import raster
from microcalc.images.dicom import decode
from microcalc.images.image_entry import ImageEntry
from microcalc.images.patches import HEADROOM, extract
from microcalc.images.roi import Roi
from microcalc.images.shard_file import QC_COLUMNS

GOLDEN = Path(__file__).with_name("golden_patch.json")
SIZES = {"spacing_mm": 0.1, "patch_mm": 6.4, "thumbnail_px": 48}
WIDE = SIZES | {"patch_mm": 12.8}


def mammogram(image, spacing=(0.1, 0.1), **attributes):
    values = {"BitsStored": 12, "ImagerPixelSpacing": list(spacing)} | attributes
    return decode(dicom(image, **values), ImageEntry("a"))


def with_spot(point_mm, spacing, chest_wall):
    """A breast with one bright spot, Gaussian with an SD of 0.15 mm, at (x, y) mm."""
    rows, columns = round(60 / spacing[0]), round(45 / spacing[1])
    image = breast(rows, columns, chest_wall=chest_wall).astype(float)
    image[image > 500] = 1000
    y, x = ((np.arange(n) + 0.5) * s for n, s in zip((rows, columns), spacing, strict=True))
    spot = np.exp(-((x[None] - point_mm[0]) ** 2 + (y[:, None] - point_mm[1]) ** 2) / 2 / 0.15**2)
    return np.round(image + 3000 * spot).clip(0, 4095).astype(np.uint16)


def centroid(pixels, background):
    weight = np.clip(pixels - background, 0, None, dtype=float)
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5
    return (x * weight).sum() / weight.sum(), (y * weight).sum() / weight.sum()


@pytest.mark.parametrize("spacing", [(0.1, 0.1), (0.05, 0.05), (0.07, 0.07), (0.094, 0.05)])
@pytest.mark.parametrize("chest_wall", ["left", "right"])
def test_a_point_at_known_mm_lands_on_the_right_patch_pixel(spacing, chest_wall):
    offset_mm = (1.23, -0.77)
    roi_mm = (9.03, 31.04) if chest_wall == "left" else (45 - 9.03, 31.04)
    point = tuple(c + o for c, o in zip(roi_mm, offset_mm, strict=True))
    image = with_spot(point, spacing, chest_wall)
    x, y = roi_mm[0] / spacing[1], roi_mm[1] / spacing[0]
    side = "L" if chest_wall == "left" else "R"
    patch = extract(
        mammogram(image, spacing, ImageLaterality=side),
        Roi(x - 20, y - 10, x + 20, y + 10),
        **SIZES,
        normalization="none",
    )
    assert patch.flipped == (chest_wall == "right")
    sign = -1 if patch.flipped else 1
    expected = 32 + sign * offset_mm[0] / 0.1, 32 + offset_mm[1] / 0.1
    background = np.median(patch.pixels) + 0.02
    # A twentieth of a patch pixel is 5 micrometers; half a pixel would be ten times that.
    assert centroid(patch.pixels, background) == pytest.approx(expected, abs=0.05)


def test_at_its_own_spacing_an_image_is_only_scaled():
    image = breast()
    # The center of a box of 40 x 40 lies on a pixel corner, as that of a patch of 64 pixels.
    patch = extract(mammogram(image), Roi(60, 180, 100, 220), **SIZES)
    window = image[168:232, 48:112].astype(float)
    free = (patch.pixels > 0) & (patch.pixels < 1)
    fit = np.polyfit(window[free], patch.pixels[free], 1)
    np.testing.assert_allclose(patch.pixels, np.polyval(fit, window).clip(0, 1), atol=1e-5)
    assert fit[0] > 0


def test_a_flipped_image_gives_the_same_patch():
    image = breast(120, 100)
    left = extract(mammogram(image), Roi(20, 50, 41, 60), **SIZES)
    right = extract(
        mammogram(image[:, ::-1], ImageLaterality="R"), Roi(100 - 41, 50, 80, 60), **SIZES
    )
    np.testing.assert_allclose(left.pixels, right.pixels, atol=1e-6)
    assert (left.flipped, right.flipped) == (False, True)


def test_finer_pixels_are_averaged_not_picked():
    image = breast(800, 600).astype(float)
    image[image > 500] = 1000
    noise = np.random.default_rng(3).normal(0, 100, image.shape)
    noisy = np.where(image > 500, image + noise, 0).astype(np.uint16)
    coarse = extract(mammogram(noisy, (0.05, 0.05)), Roi(160, 380, 200, 420), **SIZES).pixels
    same = extract(mammogram(noisy, (0.1, 0.1)), Roi(160, 380, 200, 420), **SIZES).pixels
    assert coarse.std() < 0.6 * same.std()


def test_grey_levels_come_from_the_breast():
    image = breast(800, 600)
    roi = Roi(100, 380, 140, 420)
    plain = extract(mammogram(image), roi, **SIZES).pixels
    image[20:120, 450:580] = 4095
    marked = extract(mammogram(image), roi, **SIZES).pixels
    np.testing.assert_allclose(plain, marked, atol=0.01)
    stretched = extract(mammogram(image // 2 + 300), roi, **SIZES).pixels
    np.testing.assert_allclose(plain, stretched, atol=0.02)
    whole = extract(mammogram(image), roi, **(SIZES | {"patch_mm": 30})).pixels
    assert np.percentile(whole, 99) == pytest.approx(HEADROOM, abs=0.05)


def test_beyond_the_image_there_is_black():
    patch = extract(mammogram(breast()), Roi(0, 180, 10, 220), **SIZES)
    assert (patch.pixels[:, :26] == 0).all()
    assert (patch.pixels[:, 28:] > 0).all()
    assert patch.qc["outside_image"] == pytest.approx(27 / 64, abs=1e-6)


@pytest.mark.parametrize(
    ("roi", "words"),
    [
        (Roi(500, 10, 520, 30), r"lies outside the image \(.*300 columns, 400 rows\)$"),
        (Roi(-80, 10, -60, 30), "outside"),
        (Roi(340, 200, 380, 250), "with x and y swapped it would lie inside"),
        (Roi(10, 405, 20, 420), "outside"),
    ],
)
def test_an_roi_outside_the_image_is_an_error(roi, words):
    with pytest.raises(StudyError, match=f"image a: its ROI .*{words}"):
        extract(mammogram(breast()), roi, **SIZES)


def test_contradicting_sides_are_flagged_and_the_pixels_win():
    patch = extract(mammogram(breast(), ImageLaterality="R"), Roi(60, 180, 100, 220), **SIZES)
    assert not patch.flipped
    assert "side_contradiction" in patch.qc["flags"].split(";")


def test_without_an_edge_the_header_decides():
    rng = np.random.default_rng(1)
    image = rng.normal(2000, 200, (300, 300)).astype(np.uint16)
    roi = Roi(100, 100, 140, 140)
    right = mammogram(image, ImageLaterality="R")
    assert extract(right, roi, **SIZES).flipped
    oriented = mammogram(image, ImageLaterality="R", PatientOrientation=["A", "R"])
    assert not extract(oriented, roi, **SIZES).flipped
    unknown = mammogram(image, ImageLaterality=None)
    assert "side_unknown" in extract(unknown, roi, **SIZES).qc["flags"]


def test_the_thumbnail_shows_the_breast_and_the_roi_and_no_marker():
    image = breast(800, 600)
    image[20:120, 450:580] = 4095
    patch = extract(mammogram(image), Roi(100, 350, 250, 450), **(SIZES | {"thumbnail_px": 256}))
    thumbnail = patch.thumbnail
    assert thumbnail.shape == (256, 256)
    # 800 rows on 256 pixels; the image's 600 columns are centered.
    left = (256 - 192) // 2
    assert (thumbnail[5:40, left + 140 : left + 190] == 0).all()
    assert (thumbnail[112:144, left + 31] == 255).all()
    assert (thumbnail[111, left + 33 : left + 79] == 255).all()


@pytest.mark.parametrize("chest_wall", ["left", "right"])
def test_a_marker_beside_the_breast_is_on_the_patch_and_not_on_its_picture(chest_wall):
    image = breast(800, 600)
    image[60:100, 250:290] = 4095
    roi = Roi(200, 100, 240, 140)
    if chest_wall == "right":
        image, roi = np.ascontiguousarray(image[:, ::-1]), Roi(360, 100, 400, 140)
    patch = extract(mammogram(image), roi, **(SIZES | {"patch_mm": 16.0}))
    # The window begins 140 columns from the chest wall and 40 rows from the top.
    marked = np.s_[20:60, 110:150]
    assert (patch.pixels[marked] == 1).all()
    assert (patch.picture[marked] == 0).all()
    shown = patch.picture > 0
    assert shown[100:150, :100].all()
    np.testing.assert_array_equal(patch.picture[shown], np.rint(patch.pixels[shown] * 255))


def test_qc_has_every_column():
    patch = extract(mammogram(breast()), Roi(60, 180, 100, 220), **SIZES)
    assert set(patch.qc) == set(QC_COLUMNS)
    assert patch.qc["roi_in_breast"] == 1
    assert 0.1 < patch.qc["roi_contrast"] < 0.9
    assert patch.qc["saturation"] == 0


def test_saturation_is_seen():
    image = np.minimum(breast() * 3, 4095)
    assert extract(mammogram(image), Roi(60, 180, 100, 220), **SIZES).qc["saturation"] > 0.3


@pytest.mark.parametrize("normalization", ["z-score", "none"])
def test_other_normalizations(normalization):
    image = breast()
    roi = Roi(60, 180, 100, 220)
    pixels = extract(mammogram(image), roi, **SIZES, normalization=normalization).pixels
    window = image[168:232, 48:112]
    if normalization == "none":
        np.testing.assert_allclose(pixels, window / 4095, atol=1e-6)
    else:
        assert 0.3 < pixels.mean() < 0.7
    assert pixels.min() >= 0
    assert pixels.max() <= 1


@pytest.mark.parametrize(
    ("roi", "words"),
    [
        (Roi(280, 380, 295, 395), r"lies outside the breast \(x 280 to 295, y 380 to 395\)$"),
        (Roi(195, 20, 205, 40), r"outside the breast; with x and y swapped it would lie inside"),
    ],
)
def test_an_roi_outside_the_breast_is_an_error(roi, words):
    with pytest.raises(StudyError, match=words):
        extract(mammogram(breast()), roi, **SIZES)


def test_an_roi_partly_outside_is_flagged():
    flags = extract(mammogram(breast()), Roi(195, 195, 250, 205), **WIDE).qc["flags"]
    assert flags == "roi_partly_outside_breast"
    flags = extract(mammogram(breast()), Roi(-30, 195, 40, 205), **WIDE).qc["flags"]
    assert flags == "roi_partly_outside_image"


def test_a_fitted_crop_spans_the_roi_and_its_margin():
    image = breast()
    roi = Roi(50, 150, 90, 230)
    fitted = extract(mammogram(image), roi, **SIZES, crop="fit", fit_margin_mm=2.4)
    assert fitted.pixels.shape == (64, 64)
    # The longer side is 8 mm, so that 12.8 mm come to 64 pixels: 0.2 mm each.
    assert fitted.qc["window_mm"] == pytest.approx(12.8)
    wide = extract(mammogram(image), roi, **(SIZES | {"spacing_mm": 0.2, "patch_mm": 12.8}))
    np.testing.assert_array_equal(fitted.pixels, wide.pixels)
    assert extract(mammogram(image), roi, **SIZES).qc["window_mm"] == pytest.approx(6.4)


@pytest.mark.parametrize(("width", "cut"), [(63, False), (65, False), (66, True)])
def test_an_roi_larger_than_the_window_is_flagged(width, cut):
    roi = Roi(20, 180, 20 + width, 220)
    fixed = extract(mammogram(breast()), roi, **SIZES).qc
    assert (fixed["flags"] == "roi_larger_than_window") == cut
    assert (fixed["roi_width_mm"], fixed["roi_height_mm"]) == (width / 10, 4)
    assert extract(mammogram(breast()), roi, **SIZES, crop="fit").qc["flags"] == ""


def test_a_drawn_region_of_the_whole_breast_is_refused_and_a_box_flagged():
    whole = (0, 30, 210, 370)
    with pytest.raises(StudyError, match="holds nearly the whole breast"):
        extract(mammogram(breast()), Roi(*whole, drawn=True), **SIZES)
    assert (
        "roi_holds_whole_breast" in extract(mammogram(breast()), Roi(*whole), **SIZES).qc["flags"]
    )
    large = extract(mammogram(breast()), Roi(0, 60, 150, 340, drawn=True), **SIZES)
    assert "whole" not in large.qc["flags"]


def test_wrong_polarity_is_named_for_what_it_is():
    image = mammogram(4095 - breast())
    with pytest.raises(StudyError, match=r"brighter around the breast .*polarity") as caught:
        extract(image, Roi(60, 180, 100, 220), **SIZES)
    assert "swapped" not in str(caught.value)


def test_a_mask_outside_the_breast_is_not_told_to_swap_its_axes():
    roi = Roi(195, 20, 205, 40, drawn=True)
    with pytest.raises(StudyError, match=r"outside the breast \(") as caught:
        extract(mammogram(breast()), roi, **SIZES)
    assert "swapped" not in str(caught.value)


@pytest.mark.parametrize("air", [0, 9])
def test_text_beside_the_breast_is_shown_nowhere(air):
    """On black air and on gray, in a corner, beside the skin, and within the patch."""
    image, inside = film(air=air)
    skin = int(np.flatnonzero(inside[512]).max())
    letters = np.zeros_like(inside)
    letters[20:60, 500:600:12] = letters[20:60, 501:600:12] = True
    letters[480:540, skin + 12 : skin + 40] = True
    image[letters] = 250
    image, inside, letters = (np.pad(of, ((0, 0), (100, 284))) for of in (image, inside, letters))
    data = io.BytesIO()
    Image.fromarray(image).save(data, "PNG")
    decoded = raster.decode(data.getvalue(), ImageEntry("a", spacing_mm=0.2))
    roi = Roi(100 + skin - 40, 500, 100 + skin - 10, 530)
    # One pixel of patch and picture for each of the film, as near as it goes.
    patch = extract(decoded, roi, spacing_mm=0.2, patch_mm=22.4, thumbnail_px=1024)
    middle = int(sum((roi.y0, roi.y1)) / 2), int(sum((roi.x0, roi.x1)) / 2)
    window = tuple(slice(place - 56, place + 56) for place in middle)
    assert letters[window].any()
    assert (patch.picture[letters[window]] < 60).all()
    assert (patch.thumbnail[letters] < 60).all()
    assert (patch.thumbnail[inside][::97] > 0).mean() > 0.9
    assert patch.qc["flags"] == ""


def golden():
    """Return every eighth pixel of a patch that goes through flip, window and two spacings."""
    image = breast(640, 480, seed=7, chest_wall="right")
    patch = extract(
        mammogram(image, (0.08, 0.07), ImageLaterality="R", WindowCenter=1500, WindowWidth=2500),
        Roi(330, 290, 380, 350),
        **SIZES,
    )
    return {
        "recipe": RECIPE,
        "patch": patch.pixels[4::8, 4::8].astype(float).round(4).tolist(),
        "thumbnail": patch.thumbnail[4::8, 4::8].tolist(),
        "picture": patch.picture[4::8, 4::8].tolist(),
    }


def test_the_recipe_version_stands_for_this_very_output():
    """Patches changed on purpose? Raise RECIPE and run `python -m tests.unit.images.test_patches`.

    The tolerance lets through another last bit of a library's arithmetic, and no more.
    """
    expected, found = json.loads(GOLDEN.read_text()), golden()
    np.testing.assert_allclose(found["patch"], expected["patch"], atol=1e-3)
    for name in ("thumbnail", "picture"):
        np.testing.assert_allclose(found[name], expected[name], atol=1)
    assert found["recipe"] == expected["recipe"]


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(golden(), indent=1) + "\n")


ROI = Roi(60, 180, 100, 220)


def flags_of(patch):
    return set(patch.qc["flags"].split(";")) - {""}


@pytest.mark.parametrize(
    "attributes",
    [
        {"WindowCenter": 300, "WindowWidth": 200},
        {"WindowCenter": 3800, "WindowWidth": 200},
        {"WindowCenter": -5000, "WindowWidth": 10, "VOILUTFunction": "LINEAR_EXACT"},
        {"WindowCenter": 400, "WindowWidth": 100, "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": [300, 3800], "WindowWidth": [200, 200]},
        {"WindowCenter": [100, 3800], "WindowWidth": [0, 200]},
        {"WindowCenter": 300, "WindowWidth": 200, "PhotometricInterpretation": "MONOCHROME1"},
    ],
)
def test_a_window_that_clips_all_tissue_gives_way_to_none(attributes):
    image = breast()
    if "PhotometricInterpretation" in attributes:
        image = 4095 - image
        attributes = attributes | {"WindowCenter": 4095 - attributes["WindowCenter"]}
    patch = extract(mammogram(image, **attributes), ROI, **SIZES)
    right = extract(mammogram(breast()), ROI, **SIZES)
    np.testing.assert_allclose(patch.pixels, right.pixels, atol=1e-6)
    assert patch.qc["voi"] == "none"
    assert {"voi_clips_tissue"} <= flags_of(patch) <= {"voi_clips_tissue", "voi_unusable"}


def test_a_lut_that_clips_all_tissue_gives_way_too():
    item = Dataset()
    item.LUTDescriptor = [4096, 0, 12]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = [min(8 * value, 4095) for value in range(4096)]
    item["LUTData"].VR = "US"
    patch = extract(mammogram(breast(), VOILUTSequence=Sequence([item])), ROI, **SIZES)
    assert patch.qc["voi"] == "none"
    assert "voi_clips_tissue" in flags_of(patch)


@pytest.mark.parametrize(
    ("centers", "widths", "name"),
    [
        ([300, 1500], [200, 3000], "LINEAR window 1"),
        ([300, 3800, 1500], [200, 200, 3000], "LINEAR window 2"),
        ([1500, 300], [3000, 200], "LINEAR window 0"),
    ],
)
def test_the_next_window_is_taken_where_it_shows_the_tissue(centers, widths, name):
    patch = extract(mammogram(breast(), WindowCenter=centers, WindowWidth=widths), ROI, **SIZES)
    assert patch.qc["voi"] == name
    assert ("voi_clips_tissue" in flags_of(patch)) == (not name.endswith("0"))
    assert patch.qc["roi_contrast"] > 0.1


def test_after_a_window_that_was_asked_for_come_the_others():
    data = dicom(breast(), BitsStored=12, WindowCenter=[1500, 300], WindowWidth=[3000, 200])
    patch = extract(decode(data, ImageEntry("a"), voi=1), ROI, **SIZES)
    assert patch.qc["voi"] == "LINEAR window 0"
    assert "voi_clips_tissue" in flags_of(patch)


def test_a_window_that_clips_the_roi_alone_gives_way():
    image = breast()
    image[170:230, 50:110] += 2000
    patch = extract(mammogram(image, WindowCenter=1500, WindowWidth=2000), ROI, **SIZES)
    assert patch.qc["voi"] == "none"
    assert patch.qc["roi_contrast"] > 0.1


@pytest.mark.parametrize(
    "attributes",
    [
        {"WindowCenter": 1500, "WindowWidth": 2000},
        {"WindowCenter": 1500, "WindowWidth": 900, "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": 32768, "WindowWidth": 65536},
    ],
)
def test_a_window_that_shows_the_tissue_stays(attributes):
    patch = extract(mammogram(breast(), **attributes), ROI, **SIZES)
    assert patch.qc["voi"] != "none"
    assert flags_of(patch) == set()


@pytest.mark.parametrize("value", [0, 700, 4095])
def test_a_constant_patch_is_excluded(value):
    with pytest.raises(StudyError, match=r"^image a: its patch shows nothing"):
        extract(mammogram(np.full((400, 300), value, np.uint16)), ROI, **SIZES)


def test_an_roi_without_contrast_is_flagged():
    image = breast()
    image[175:225, 55:105] = 1500
    patch = extract(mammogram(image, WindowCenter=1500, WindowWidth=3000), ROI, **SIZES)
    assert flags_of(patch) == {"roi_without_contrast"}
    assert patch.qc["voi"] == "LINEAR window 0"


@pytest.mark.parametrize(("spacing", "flagged"), [(0.14, False), (0.15, False), (0.16, True)])
def test_a_patch_much_finer_than_its_image_is_flagged(spacing, flagged):
    image = mammogram(breast(), spacing=(0.1, spacing))
    assert ("upsampled" in flags_of(extract(image, ROI, **SIZES))) == flagged
