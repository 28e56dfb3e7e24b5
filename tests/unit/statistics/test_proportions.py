import math

import numpy as np
import pytest
from scipy import stats

from microcalc.core.errors import StudyError
from microcalc.statistics import proportions
from microcalc.statistics.proportions import wilson


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


def test_it_is_wilsons_to_the_last_bit_where_nobody_repeats():
    for n in (1, 2, 19, 20, 97):
        counts = np.arange(n + 1)
        alone = proportions.clustered_bounds(counts[:, None] > np.arange(n), np.ones((n + 1, n)))
        plain = proportions.wilson_bounds(counts, n)
        assert [bound.tolist() for bound in alone] == [bound.tolist() for bound in plain]
        hits = np.arange(n) < n // 2
        assert proportions.of_cases(hits, np.arange(n)) == wilson(n // 2, n)


@pytest.mark.parametrize("sizes", [[2] + [1] * 18, [2] * 6 + [1] * 8, [3] * 4 + [1] * 8, [20]])
def test_where_all_agree_lesions_of_a_patient_count_as_one(sizes):
    patients = np.repeat(np.arange(len(sizes)), sizes)
    size = 20**2 / np.sum(np.square(sizes))
    z2 = 1.959963984540054**2
    every = proportions.of_cases(np.ones(20, dtype=int), patients)
    none = proportions.of_cases(np.zeros(20, dtype=int), patients)
    # Wilson's bounds of 0 of n and n of n in closed form
    assert (every.low, every.high) == (pytest.approx(size / (size + z2), abs=1e-12), 1)
    assert (none.low, none.high) == (0, pytest.approx(z2 / (size + z2), abs=1e-12))
    assert (every.successes, none.successes, every.n) == (20, 0, 20)


def test_the_design_effect_is_the_jackknifes():
    rng = np.random.default_rng(4)
    sizes = rng.integers(1, 4, 25)
    patients = np.repeat(np.arange(25), sizes)
    hits = rng.random(25)[patients] < rng.uniform(0.2, 0.8, patients.size)
    shares = np.array([hits[patients != i].mean() for i in range(25)])
    jackknife = 24 / 25 * np.sum((shares - hits.mean()) ** 2)
    spread = sizes * (sizes + 1) / 2
    freedom = spread.sum() ** 2 / (spread**2).sum() - 1
    few = (stats.t.ppf(0.975, freedom) / stats.norm.ppf(0.975)) ** 2
    binomial = hits.mean() * (1 - hits.mean()) / hits.size
    found = proportions.design_effects(np.bincount(patients, weights=hits), sizes)
    assert found == pytest.approx(jackknife / binomial * few)
    effect = float(found)
    assert effect > 1
    moved = (effect - 1) / (2 * hits.size)
    size = hits.size / effect
    low, _ = proportions.wilson_bounds((hits.mean() - moved) * size, size)
    _, high = proportions.wilson_bounds((hits.mean() + moved) * size, size)
    share = proportions.of_cases(hits, patients)
    assert (share.low, share.high) == pytest.approx((float(low), float(high)))


def test_doubled_cases_tell_no_more_and_opposite_ones_no_less():
    hits = np.arange(60) % 3 > 0
    once = proportions.of_cases(hits, np.arange(60))
    twice = proportions.of_cases(np.repeat(hits, 2), np.repeat(np.arange(60), 2))
    assert twice.low < once.low < once.high < twice.high
    assert twice.high - twice.low < 1.15 * (once.high - once.low)
    # One right and one wrong in every patient: less spread than independent cases, yet no gain.
    apart = proportions.of_cases([1, 0] * 30, np.repeat(np.arange(30), 2))
    plain = wilson(30, 60)
    assert plain.low - 0.02 < apart.low < plain.low
    effect = proportions.design_effects(np.ones(30), np.full(30, 2))
    assert effect == pytest.approx(1 + 2 / (2 + 30))


def test_no_interval_is_without_width_and_each_holds_its_proportion():
    rng = np.random.default_rng(5)
    for _ in range(400):
        patients = rng.integers(0, rng.integers(1, 12), rng.integers(1, 25))
        hits = rng.random(12)[patients] < rng.choice([0.0, 0.5, 1.0])
        share = proportions.of_cases(hits, patients, confidence=0.9)
        assert 0 <= share.low <= share.estimate <= share.high <= 1
        assert share.high - share.low > 0.05
        plain = wilson(share.successes, share.n, confidence=0.9)
        assert share.low <= plain.low
        assert share.high >= plain.high
        mirrored = proportions.of_cases(~hits, patients, confidence=0.9)
        assert (mirrored.low, mirrored.high) == pytest.approx((1 - share.high, 1 - share.low))
        order = rng.permutation(hits.size)
        assert proportions.of_cases(
            hits[order], [f"P{i}" for i in patients[order]], confidence=0.9
        ).low == pytest.approx(share.low)


def test_one_patient_alone_tells_next_to_nothing():
    found = proportions.of_cases([1] * 15 + [0] * 5, ["P"] * 20)
    assert found.low < 0.05
    assert found.high == 1
    two = proportions.of_cases([1, 1, 1, 0], [0, 0, 1, 1])
    assert two.low < 0.1
    assert two.high == 1


def test_nothing_is_no_proportion_and_what_does_not_fit_is_refused():
    assert math.isnan(proportions.of_cases([], []).low)
    with pytest.raises(StudyError, match="3 outcomes of 2 cases"):
        proportions.of_cases([1, 0, 1], ["a", "b"])
    with pytest.raises(StudyError, match="expected 0"):
        proportions.of_cases([1, 2, 1], ["a", "a", "b"])
