import math

import pytest
from scipy import stats

from microcalc.errors import StudyError
from microcalc.evaluation.proportions import wilson


@pytest.mark.parametrize("marker", ["wfns", "s100b", "ndka"])
@pytest.mark.parametrize("figure", ["sens_ci", "spec_ci", "ppv_ci", "npv_ci", "acc_ci"])
def test_wilson_is_that_of_r(oracle, marker, figure):
    expected = oracle("delong_aSAH")["markers"][marker]["youden"][0][figure]
    found = wilson(expected["k"], expected["n"])
    assert found.estimate == pytest.approx(expected["est"], abs=1e-12)
    assert [found.low, found.high] == pytest.approx(expected["wilson95"], abs=1e-12)


@pytest.mark.parametrize(("k", "n"), [(0, 9), (9, 9), (1, 200), (57, 101)])
@pytest.mark.parametrize("confidence", [0.8, 0.99])
def test_wilson_is_that_of_scipy(k, n, confidence):
    expected = stats.binomtest(k, n).proportion_ci(confidence, method="wilson")
    found = wilson(k, n, confidence=confidence)
    assert [found.low, found.high] == pytest.approx([expected.low, expected.high], abs=1e-12)


def test_none_and_all_reach_the_ends_exactly():
    assert wilson(0, 7).low == 0
    assert wilson(7, 7).high == 1


def test_nothing_of_nothing_is_undefined():
    found = wilson(0, 0)
    assert math.isnan(found.estimate)
    assert math.isnan(found.low)


def test_impossible_counts_are_refused():
    with pytest.raises(StudyError, match="5 of 4"):
        wilson(5, 4)
