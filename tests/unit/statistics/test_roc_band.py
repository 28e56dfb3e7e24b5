import numpy as np
import pytest

from microcalc.statistics import roc_band


def band(y, score):
    return roc_band.band(y, score, np.arange(len(y)), rng=np.random.default_rng(1), resamples=50)


@pytest.mark.parametrize("score", [[5, 6, 7, 8, 1, 2, 3, 4], [1] * 8])
def test_a_curve_that_never_varies_has_no_band(score):
    grid, low, high = band([1] * 4 + [0] * 4, score)
    assert grid.shape == low.shape == high.shape == (101,)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_a_band_holds_its_curve():
    rng = np.random.default_rng(2)
    y = np.arange(60) % 2
    _, low, high = band(y, rng.normal(size=60) + y)
    assert (low <= high).all()
    assert (low < high).mean() > 0.8
