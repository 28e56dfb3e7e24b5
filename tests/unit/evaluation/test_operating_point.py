import math

import numpy as np
import pytest

from microcalc.errors import StudyError
from microcalc.evaluation import operating_point


@pytest.mark.parametrize("marker", ["wfns", "s100b", "ndka"])
def test_youden_and_its_figures_are_those_of_proc(oracle, marker):
    data = oracle.data("aSAH")
    expected = oracle("delong_aSAH")["markers"][marker]["youden"][0]
    threshold = operating_point.youden(data["y"], data[marker])
    below = data[marker][data[marker] < threshold].max()
    # pROC puts the threshold midway between two scores, we on the upper one
    assert (threshold + below) / 2 == pytest.approx(expected["threshold"])
    point = operating_point.measure(data["y"], data[marker], threshold)
    assert [point.tp, point.tn, point.fp, point.fn] == [
        expected[cell] for cell in ("tp", "tn", "fp", "fn")
    ]
    for name in ("sensitivity", "specificity", "ppv", "npv", "accuracy"):
        assert getattr(point, name).estimate == pytest.approx(expected[name], abs=1e-12)
    assert point.f1 == pytest.approx(2 * point.tp / (2 * point.tp + point.fp + point.fn))


def test_a_case_at_the_threshold_is_positive():
    point = operating_point.measure([1, 0, 1, 0], [0.5, 0.5, 0.4, 0.4], 0.5)
    assert (point.tp, point.fp, point.tn, point.fn) == (1, 1, 1, 1)


def test_youden_ties_go_to_the_highest_specificity():
    # 0.9 gives sens 1/2 spec 1, 0.3 gives sens 1 spec 1/2: both have index 1/2
    assert operating_point.youden([1, 1, 0, 0], [0.9, 0.3, 0.5, 0.1]) == 0.9


def test_youden_of_a_useless_score_calls_none_positive():
    assert operating_point.youden([1, 0, 0, 1], [0.1, 0.7, 0.8, 0.2]) == np.inf


def test_what_has_no_denominator_is_undefined():
    none_called = operating_point.measure([1, 0, 1], [0.1, 0.2, 0.3], 0.9)
    assert math.isnan(none_called.ppv.estimate)
    assert none_called.f1 == 0
    no_positive = operating_point.measure([0, 0], [0.1, 0.2], 0.9)
    assert math.isnan(no_positive.sensitivity.estimate)
    assert math.isnan(no_positive.f1)
    assert no_positive.specificity.estimate == 1


def test_missing_numbers_are_refused():
    with pytest.raises(StudyError, match="probability is missing"):
        operating_point.measure([0, 1], [0.1, math.nan], 0.5)
    with pytest.raises(StudyError, match="threshold is NaN"):
        operating_point.measure([0, 1], [0.1, 0.2], math.nan)
