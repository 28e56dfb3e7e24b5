import numpy as np
import pytest
from scipy import ndimage

from microcalc.images import coarse_grid

SHAPES = [(60, 40), (3, 3), (2, 5), (1, 7), (1, 1)]


def dots(shape, share=0.8):
    return np.random.default_rng(3).random(shape) < share


@pytest.mark.parametrize("times", [1, 2, 4])
@pytest.mark.parametrize("shape", SHAPES)
def test_grown_and_shrunk_masks_are_scipys(shape, times):
    mask, few = dots(shape, 0.97), dots(shape, 0.1)
    shrunk = ndimage.binary_erosion(mask, iterations=times)
    np.testing.assert_array_equal(coarse_grid.eroded(mask, times), shrunk)
    grown = ndimage.binary_dilation(few, iterations=times)
    np.testing.assert_array_equal(coarse_grid.dilated(few, times), grown)
    within = ndimage.binary_dilation(few & mask, iterations=times, mask=mask)
    np.testing.assert_array_equal(
        coarse_grid.dilated(few & mask, times, within=mask), within & mask
    )


@pytest.mark.parametrize("share", [0.0, 0.02, 0.6, 0.9, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_holes_are_those_that_scipy_fills(shape, share):
    mask = dots(shape, share)
    holes = coarse_grid.holes(mask)
    np.testing.assert_array_equal(mask | holes, ndimage.binary_fill_holes(mask))
    assert not (mask & holes).any()
    if shape == SHAPES[0]:
        assert holes.any() == (share in {0.6, 0.9})


@pytest.mark.parametrize("shape", SHAPES)
def test_extremes_are_scipys_filters(shape):
    values = np.random.default_rng(4).normal(size=shape).astype(np.float32)
    lowest, highest = coarse_grid.extremes(values)
    np.testing.assert_array_equal(lowest, ndimage.minimum_filter(values, 3))
    np.testing.assert_array_equal(highest, ndimage.maximum_filter(values, 3))


def test_a_bounding_box_holds_all_and_no_more():
    mask = np.zeros((9, 8), dtype=bool)
    assert coarse_grid.bounding_box(mask) == (slice(0, 0), slice(0, 0))
    mask[3, 2] = mask[5, 6] = True
    assert coarse_grid.bounding_box(mask) == (slice(3, 6), slice(2, 7))


@pytest.mark.parametrize("size", [1, 2, 3, 50, 101, 4099])
def test_percentiles_are_numpys_to_the_last_bit(size):
    rng = np.random.default_rng(size)
    for values in (rng.normal(200, 90, size), rng.integers(0, 5, size)):
        values = values.astype(np.float32)
        for percent in ((1.0, 99.0), (0.0, 100.0), (99,), (37.3, 50, 81.9)):
            expected = np.percentile(values.astype(np.float64), percent)
            assert coarse_grid.percentiles(values, percent) == expected.tolist()
