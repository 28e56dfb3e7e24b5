import numpy as np
import pytest
from scipy import stats

from microcalc.evaluation import separation


def test_perfect_separation_is_clopper_pearson_of_the_smaller_class():
    y, score = [1] * 5 + [0] * 8, [*range(20, 25), *range(8)]
    expected = stats.binomtest(5, 5).proportion_ci(0.95, method="exact")
    assert separation.exact_interval(y, score) == pytest.approx((expected.low, 1))
    low, high = separation.exact_interval(y, [-s for s in score], confidence=0.95)
    assert (low, high) == pytest.approx((0, 1 - expected.low))


def test_an_auc_inside_needs_no_such_interval():
    assert separation.exact_interval([1, 0, 1], [1, 2, 3]) is None


def test_pairs_do_not_share_patients():
    y, score = [1, 1, 1, 0, 0, 0], [4, 5, 6, 1, 2, 3]
    one_patient_two_breasts = ["a", "b", "c", "a", "b", "c"]
    low, _ = separation.exact_interval(y, score, one_patient_two_breasts)
    assert low == pytest.approx(0.025)
    low, _ = separation.exact_interval(y, score, ["a", "a", "b", "c", "d", "e"])
    assert low == pytest.approx(0.025 ** (1 / 2))


def test_the_least_favorable_scores_reach_the_level():
    """AUC at the bound: positives above all negatives or below all; separated 2.5 % of the time."""
    bound = 0.025 ** (1 / 4)
    rng = np.random.default_rng(1)
    above = rng.random((40_000, 4)) < bound
    assert above.all(axis=1).mean() == pytest.approx(0.025, abs=0.003)
