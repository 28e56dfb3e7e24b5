import numpy as np
import pytest
from scipy import stats

from microcalc.statistics import constant_ranks


def test_perfect_separation_is_clopper_pearson_of_the_smaller_class():
    y, score = [1] * 5 + [0] * 8, [*range(20, 25), *range(8)]
    expected = stats.binomtest(5, 5).proportion_ci(0.95, method="exact")
    assert constant_ranks.exact_interval(y, score) == pytest.approx((expected.low, 1))
    low, high = constant_ranks.exact_interval(y, [-s for s in score], confidence=0.95)
    assert (low, high) == pytest.approx((0, 1 - expected.low))


@pytest.mark.parametrize("k", [1, 3, 40])
def test_tied_scores_have_the_interval_of_a_score_that_rarely_tells(k):
    low, high = constant_ranks.exact_interval([1] * k + [0] * k, [0.3] * (2 * k))
    assert (low, high) == pytest.approx((0.025 ** (1 / k) / 2, 1 - 0.025 ** (1 / k) / 2))


def test_what_all_pairs_show_of_two_scores():
    y, perfect, constant, inverted = [1, 1, 0, 0], [4, 3, 2, 1], [1] * 4, [1, 2, 3, 4]
    shown = [
        constant_ranks.alike(y, a, b).value
        for a, b in (
            (perfect, perfect),
            (perfect, constant),
            (perfect, inverted),
            (constant, inverted),
            (inverted, constant),
        )
    ]
    assert shown == [0, 0.5, 1, 0.5, -0.5]
    assert constant_ranks.alike(y, perfect, [4, 2, 3, 1]) is None
    # DeLong's variance is 0 here and the AUCs differ by a half, yet pairs differ by 0 or 1
    assert constant_ranks.alike([1, 1, 0, 0], [5, 3, 2, 4], [3, 1, 2, 4]) is None


def test_bounds_and_p_values_of_a_difference():
    three = constant_ranks.Alike(0.5, 3, lowest=-1)
    low, high = three.interval(confidence=0.95)
    assert (low, high) == pytest.approx((1.5 * 0.025 ** (1 / 3) - 1, 1 - 0.5 * 0.025 ** (1 / 3)))
    assert three.p_above(0) == pytest.approx((2 / 3) ** 3)
    assert three.p_below(0) == 1
    # the interval's ends are the differences that are just rejected
    assert three.p_above(low) == pytest.approx(0.025)
    assert three.p_below(high) == pytest.approx(0.025)


def test_large_classes_are_looked_at_in_blocks(monkeypatch):
    monkeypatch.setattr(constant_ranks, "BLOCK", 7)
    y, score = [1] * 9 + [0] * 3, [*range(12, 3, -1), 1, 2, 3]
    assert constant_ranks.alike(y, score).value == 1
    assert constant_ranks.alike(y, [*range(12, 4, -1), 0, 1, 2, 3]) is None


def test_an_auc_inside_needs_no_such_interval():
    assert constant_ranks.exact_interval([1, 0, 1], [1, 2, 3]) is None


def test_pairs_do_not_share_patients():
    y, score = [1, 1, 1, 0, 0, 0], [4, 5, 6, 1, 2, 3]
    one_patient_two_breasts = ["a", "b", "c", "a", "b", "c"]
    low, _ = constant_ranks.exact_interval(y, score, one_patient_two_breasts)
    assert low == pytest.approx(0.025)
    low, _ = constant_ranks.exact_interval(y, score, ["a", "a", "b", "c", "d", "e"])
    assert low == pytest.approx(0.025 ** (1 / 2))


def test_the_least_favorable_scores_reach_the_level():
    """AUC at the bound: positives above all negatives or below all; separated 2.5 % of the time."""
    bound = 0.025 ** (1 / 4)
    rng = np.random.default_rng(1)
    above = rng.random((40_000, 4)) < bound
    assert above.all(axis=1).mean() == pytest.approx(0.025, abs=0.003)
