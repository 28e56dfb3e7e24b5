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
            own = coarse_grid.percentiles(values, percent, as_doubles=False)
            assert own == np.percentile(values, percent).tolist()


def test_the_distance_of_two_neighbors_is_rounded_as_numpy_rounds_it():
    values = np.array([1e-3, 1e3], np.float32)
    own = coarse_grid.percentiles(values, (30, 70), as_doubles=False)
    assert own == np.percentile(values, (30, 70)).tolist()
    assert own != coarse_grid.percentiles(values, (30, 70))


def rows_of_one_run(shape, apart=0):
    """Return a mask of one run in each row, like a breast, each `apart` from the last."""
    rng = np.random.default_rng(5)
    mask = np.zeros(shape, dtype=bool)
    begin = 0
    for row in mask:
        length = int(rng.integers(2, 6))
        row[begin : begin + length] = True
        begin += int(rng.integers(1, length)) if not apart else length + apart - 1
    return mask


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize(
    "mask",
    [
        *(dots(shape, share) for shape in SHAPES for share in (0.0, 0.3, 0.7, 1.0)),
        rows_of_one_run((20, 90)),
        rows_of_one_run((20, 140), apart=1),
        rows_of_one_run((20, 140), apart=2),
        np.array([[True, False, True], [True, True, True]]),
        np.array([[True, True, True], [True, False, True], [True, True, True]]),
        np.array([[True, True], [False, False], [True, True]]),
        np.zeros((0, 0), dtype=bool),
    ],
)
def test_components_are_scipys(mask, flipped):
    mask = mask[:, ::-1] if flipped else mask
    labels, count = coarse_grid.components(mask)
    expected, of = ndimage.label(mask)
    assert count == of
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_array_equal(
        mask | coarse_grid.holes(mask), ndimage.binary_fill_holes(mask) if mask.size else mask
    )
