import numpy as np
import pytest
from scipy import ndimage
from tests.unit.images.making import breast, dicom

from microcalc.images import breast as breasts
from microcalc.images.breast import find
from microcalc.images.dicom import decode


def found(image, **attributes):
    return find(decode(dicom(image, BitsStored=12, **attributes), image_id="a"))


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


def test_holes_are_those_that_scipy_fills():
    noise = np.random.default_rng(3).random((60, 40)) < 0.6
    filled = noise | breasts._holes(noise)
    assert filled.sum() > noise.sum()
    np.testing.assert_array_equal(filled, ndimage.binary_fill_holes(noise))


@pytest.mark.parametrize("shape", [(60, 40), (3, 3), (2, 5), (1, 1)])
def test_grown_and_shrunk_masks_are_scipys(shape):
    noise = np.random.default_rng(3).random(shape) < 0.8
    np.testing.assert_array_equal(breasts._eroded(noise), ndimage.binary_erosion(noise))
    np.testing.assert_array_equal(breasts._dilated(noise), ndimage.binary_dilation(noise))
