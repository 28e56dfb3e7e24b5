import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from tests.unit.images.making import breast, dicom, film

from microcalc.images import breast as breasts
from microcalc.images import raster
from microcalc.images.breast import find
from microcalc.images.dicom import decode
from microcalc.images.image_entry import ImageEntry


def found(image, **attributes):
    return find(decode(dicom(image, **({"BitsStored": 12} | attributes)), ImageEntry("a")))


def true_mask(breast_found, image):
    """The ellipse of `making.breast` on the coarse grid."""
    rows, columns = image.shape
    y, x = np.mgrid[:rows, :columns]
    inside = ((y - rows / 2) / (0.42 * rows)) ** 2 + (x / (0.7 * columns)) ** 2 < 1
    r, c = breast_found.stride
    return inside[r // 2 :: r, c // 2 :: c]


def agreement(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize("chest_wall", ["left", "right"])
def test_the_breast_is_found_at_its_chest_wall(chest_wall):
    image = breast(800, 600, chest_wall=chest_wall)
    result = found(image)
    assert result.chest_wall == chest_wall
    mask = result.mask if chest_wall == "left" else result.mask[:, ::-1]
    assert agreement(mask, true_mask(result, image)) > 0.97


def test_markers_and_bright_strips_are_not_breast():
    image = breast(800, 600)
    clean = found(image)
    image[40:110, 480:560] = 4095  # a side marker
    image[:, 590:] = 3500  # a collimator edge at the other side
    image[700:780, 300:340] = 4095  # a clip below the breast
    marked = found(image)
    assert agreement(marked.mask, true_mask(marked, image)) > 0.97
    assert marked.levels == pytest.approx(clean.levels, rel=0.01)
    assert marked.chest_wall == "left"


def test_padding_is_never_breast():
    image = breast(800, 600)
    image[:, :80] = 4000
    result = found(image, PixelPaddingValue=4000)
    cells = 80 // result.stride[1] - 1
    assert not result.mask[:, :cells].any()
    assert result.levels[1] < 2500


def test_levels_are_percentiles_of_tissue_alone():
    image = breast(800, 600)
    result = found(image)
    inside = ndimage.binary_erosion(true_mask(result, image), iterations=2)
    r, c = result.stride
    tissue = image[r // 2 :: r, c // 2 :: c][inside]
    assert result.levels == pytest.approx(np.percentile(tissue, (1, 99)), rel=0.02)
    assert result.fraction == pytest.approx(true_mask(result, image).mean(), abs=0.02)


def test_an_image_without_air_is_breast_all_over():
    rng = np.random.default_rng(1)
    result = found(rng.normal(2000, 200, (300, 300)).astype(np.uint16))
    assert result.mask.all()
    assert result.chest_wall is None
    assert "no_background_found" in result.flags


@pytest.mark.parametrize("value", [0, 7, 4095])
def test_an_image_of_one_value_does_no_harm(value):
    result = found(np.full((200, 200), value, dtype=np.uint16))
    assert result.levels == (value, value)
    assert "no_background_found" in result.flags


def test_fatty_tissue_is_breast_too():
    image = breast(800, 600).astype(float)
    x = np.arange(600)
    fatty = np.where(image > 500, np.where(x > 200, 300, image), image)
    result = found(fatty.astype(np.uint16))
    assert agreement(result.mask, true_mask(result, image)) > 0.95


def test_a_small_bright_marker_alone_is_not_the_breast():
    image = breast(800, 600)
    image = (image // 8).astype(np.uint16)
    image[30:60, 480:560] = 4095
    result = found(image)
    assert agreement(result.mask, true_mask(result, image)) > 0.97
    assert result.flags == ()


def of_film(image):
    data = io.BytesIO()
    Image.fromarray(image).save(data, "PNG")
    return find(raster.decode(data.getvalue(), ImageEntry("film", spacing_mm=0.2)))


def air_and_lost(result, inside):
    """Parts of the mask that are air, and of the breast that it lacks."""
    r, c = result.stride
    truth = inside[r // 2 :: r, c // 2 :: c]
    return (result.mask & ~truth).sum() / result.mask.sum(), (
        truth & ~result.mask
    ).sum() / truth.sum()


def padded(image, inside, left=120, right=264):
    """A film of 640 columns laid on 1024 black ones."""
    return tuple(np.pad(of, ((0, 0), (left, right))) for of in (image, inside))


def label(image, top, left, rows=110, columns=90):
    """A white label with dark letters, in place."""
    image[top : top + rows, left : left + columns] = 245
    for letter in range(3):
        start = left + 12 + 24 * letter
        image[top + 30 : top + 80, start : start + 8] = 60


@pytest.mark.parametrize("chest_wall", ["left", "right"])
@pytest.mark.parametrize("air", [0, 7, 30])
def test_a_film_of_gray_air_laid_on_black(chest_wall, air):
    image, inside = padded(*film(air=air, chest_wall=chest_wall))
    result = of_film(image)
    air_in_mask, lost = air_and_lost(result, inside)
    assert air_in_mask < 0.02
    assert lost < 0.02
    assert result.chest_wall == chest_wall
    assert result.flags == ()


def test_black_rectangles_in_gray_air_are_no_other_class():
    image, inside = film(air=9)
    image[:45] = 0  # where the patient's name was
    image[:, 600:] = 0  # a collimator
    inside[:45] = False
    image, inside = padded(image, inside)
    result = of_film(image)
    air_in_mask, lost = air_and_lost(result, inside)
    assert air_in_mask < 0.02
    assert lost < 0.02


def test_noisy_air_beside_a_rectangle_made_exactly_black():
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:800, :600]
    inside = ((y - 400) / 336) ** 2 + (x / 300) ** 2 < 1
    image = rng.normal(np.where(inside, 1500, 300), 20).astype(np.uint16)
    image[100:, 305:] = 0
    air_in_mask, lost = air_and_lost(found(image), inside)
    assert air_in_mask < 0.01
    assert lost < 0.01


def test_air_black_above_and_gray_below():
    image, inside = film(air=5)
    y = np.arange(1024)[:, None]
    air = np.clip(np.random.default_rng(1).normal((y - 600) / 40, 0.7, image.shape), 0, None)
    image = np.where(inside, image, np.rint(air)).astype(np.uint8)
    image, inside = padded(image, inside)
    air_in_mask, lost = air_and_lost(of_film(image), inside)
    assert air_in_mask < 0.02
    assert lost < 0.02


@pytest.mark.parametrize("beside_chest_wall", [False, True])
def test_a_white_frame_is_not_breast(beside_chest_wall):
    image, inside = film()
    frame = np.full((1024, 130), 243, dtype=np.uint8)
    frame += np.random.default_rng(2).integers(0, 5, frame.shape).astype(np.uint8)
    none = np.zeros_like(frame, dtype=bool)
    order = -1 if beside_chest_wall else 1
    image, inside = (np.hstack(pair[::order]) for pair in ((image, frame), (inside, none)))
    image[-60:] = 250
    inside[-60:] = False
    image, inside = padded(image, inside, left=12, right=242)
    result = of_film(image)
    air_in_mask, lost = air_and_lost(result, inside)
    assert air_in_mask < 0.03
    assert lost < 0.02
    assert result.chest_wall == "left"
    assert result.flags == ()


def test_a_label_that_touches_the_skin_is_not_breast():
    image, inside = film()
    # Its corner on the skin line, and the streak a scanner draws below it.
    row, column = 150, int(np.flatnonzero(inside[150]).max()) - 3
    label(image, row - 105, column)
    image[row : row + 60, column + 10 : column + 90] += 4
    image, inside = padded(image, inside)
    result = of_film(image)
    air_in_mask, lost = air_and_lost(result, inside)
    assert air_in_mask < 0.02
    assert lost < 0.02


def test_what_is_bright_beside_the_breast_is_not_shown():
    image, inside = film(air=10)
    row = 300
    skin = int(np.flatnonzero(inside[row]).max())
    image[row - 10 : row + 10, skin + 8 : skin + 16] = 230  # a letter within the margin
    image, inside = padded(image, inside)
    result = of_film(image)
    r, c = result.stride
    margin = result.shown & ~result.mask
    assert margin.any()
    assert result.values[margin].max() < 40
    assert (image[r // 2 :: r, c // 2 :: c][~result.shown] > 200).any()


def test_a_breast_that_no_side_cuts_off_is_flagged():
    y, x = np.mgrid[:900, :700]
    inside = ((y - 450) / 330) ** 2 + ((x - 350) / 240) ** 2 < 1
    rng = np.random.default_rng(5)
    image = np.where(inside, rng.normal(1500, 80, inside.shape), 0).astype(np.uint16)
    assert found(image).flags == (breasts.OFF_EDGE,)
    padded_film = np.where(inside[:, 350:], image[:, 350:], 0)
    assert found(np.pad(padded_film, ((0, 0), (200, 150)))).flags == ()


def test_a_mask_of_nearly_the_whole_image_is_flagged():
    rng = np.random.default_rng(1)
    image = rng.normal(2000, 200, (400, 300)).astype(np.uint16)
    image[:, 270:] = rng.integers(5, 15, (400, 30))
    result = found(image)
    assert result.fraction == pytest.approx(0.9, abs=0.02)
    assert result.flags == (breasts.FILLS_IMAGE,)
    image[:, 240:] = rng.integers(5, 15, (400, 60))
    assert found(image).flags == ()


def test_noisy_air_of_raw_pixels_is_air():
    """FOR PROCESSING: exposure falls where tissue is, and air is not 0."""
    shape = (800, 600)
    y, x = np.mgrid[: shape[0], : shape[1]]
    inside = ((y - 400) / 336) ** 2 + (x / 420) ** 2 < 1
    rng = np.random.default_rng(3)
    exposure = rng.normal(12000, 110, shape) * np.where(inside, 0.25, 1)
    exposure *= np.where(inside, 1 + 0.3 * np.sin(x / 23) * np.cos(y / 31), 1)
    result = found(
        exposure.astype(np.uint16),
        BitsStored=14,
        PresentationIntentType="FOR PROCESSING",
        SOPClassUID="1.2.840.10008.5.1.4.1.1.1.2.1",
        PhotometricInterpretation="MONOCHROME1",
    )
    air_in_mask, lost = air_and_lost(result, inside)
    assert air_in_mask < 0.01
    assert lost < 0.02
    assert result.flags == ()
