import numpy as np
import pytest

from microcalc.statistics.multiplicity import holm


def test_holm_is_that_of_r(oracle):
    expected = oracle("table1")["p_adjust"]
    assert holm(expected["p"]) == pytest.approx(expected["holm"], abs=1e-14)


def test_a_missing_p_value_is_not_part_of_the_family():
    adjusted = holm([0.04, np.nan, 0.01])
    assert adjusted[[0, 2]] == pytest.approx([0.04, 0.02])
    assert np.isnan(adjusted[1])


def test_an_empty_family_is_empty():
    assert holm([]).shape == (0,)
