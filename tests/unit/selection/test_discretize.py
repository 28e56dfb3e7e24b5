import numpy as np
import pytest

from microcalc.selection import discretize


def test_codes_by_standard_deviation() -> None:
    X = np.array([[-2.0], [-1.0], [0.0], [1.0], [2.0]])  # mean 0, SD sqrt(2)
    cuts = discretize.by_sd(X, k=1 / np.sqrt(2))
    assert cuts.apply(X).ravel().tolist() == [-1, 0, 0, 0, 1]
    assert cuts.apply([[-1.01], [1.01]]).ravel().tolist() == [-1, 1]


def test_cuts_come_from_training() -> None:
    cuts = discretize.by_sd([[0.0], [10.0]], k=0.5)
    assert cuts.cuts.ravel().tolist() == [2.5, 7.5]


def test_a_constant_feature_has_one_level() -> None:
    assert set(discretize.by_sd(np.full((9, 1), 0.1)).apply(np.full((9, 1), 0.1)).ravel()) == {0}


@pytest.mark.parametrize("levels", [2, 3, 4, 5])
def test_quantiles_make_equally_frequent_levels(levels: int) -> None:
    X = np.random.default_rng(1).permutation(np.arange(60.0))[:, None]
    _, counts = np.unique(discretize.by_quantiles(X, levels=levels).apply(X), return_counts=True)
    assert counts.tolist() == [60 // levels] * levels


def test_one_level_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        discretize.by_quantiles([[1.0]], levels=1)
