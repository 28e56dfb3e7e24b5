import math

import numpy as np
import pytest

from microcalc.core.errors import StudyError
from microcalc.statistics import operating_point


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


def test_derived_figures_by_hand():
    point = operating_point.from_counts(40, 10, 90, 20)
    assert point.balanced_accuracy == pytest.approx((2 / 3 + 0.9) / 2)
    assert point.lr_pos == pytest.approx((2 / 3) / 0.1)
    assert point.lr_neg == pytest.approx((1 / 3) / 0.9)


def test_figures_agree_with_scikit_learn():
    from sklearn import metrics as sklearn_metrics

    rng = np.random.default_rng(8)
    y, p = rng.integers(0, 2, 60), rng.random(60)
    point = operating_point.measure(y, p, 0.4)
    called = p >= 0.4
    assert point.f1 == pytest.approx(sklearn_metrics.f1_score(y, called))
    assert point.balanced_accuracy == pytest.approx(
        sklearn_metrics.balanced_accuracy_score(y, called)
    )
    positive, negative = sklearn_metrics.class_likelihood_ratios(y, called)
    assert (point.lr_pos, point.lr_neg) == pytest.approx((positive, negative))


def test_a_perfect_test_has_an_infinite_likelihood_ratio():
    point = operating_point.from_counts(5, 0, 7, 2)
    assert point.lr_pos == math.inf
    assert math.isnan(operating_point.from_counts(0, 0, 7, 2).lr_pos)


def test_predictive_values_follow_the_prevalence():
    cells = np.array([[40, 10, 90, 20]])
    own = operating_point.derived(cells, prevalence=60 / 160)
    assert own["ppv_at_prevalence"] == pytest.approx(own["ppv"])
    assert own["npv_at_prevalence"] == pytest.approx(own["npv"])
    rare = operating_point.derived(cells, prevalence=0.01)
    odds = (2 / 3) / 0.1 * 0.01 / 0.99
    assert rare["ppv_at_prevalence"] == pytest.approx(odds / (1 + odds))
    with pytest.raises(StudyError, match="prevalence is 1"):
        operating_point.derived(cells, prevalence=1)


def test_bootstrap_is_scipys_within_simulation_error():
    from scipy import stats

    from microcalc.core.seeds import stream

    rng = np.random.default_rng(9)
    y = rng.integers(0, 2, 150)
    p = np.clip(0.3 * y + rng.random(150) * 0.7, 0, 1)
    ours = operating_point.bootstrap(y, p, np.arange(150), 0.5, rng=stream(1, "x"), resamples=8000)

    def f1(y, p):
        return operating_point.measure(y, p, 0.5).f1

    theirs = stats.bootstrap(
        (y, p), f1, paired=True, n_resamples=1500, method="percentile",
        vectorized=False, rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    assert ours["f1"] == pytest.approx((theirs.low, theirs.high), abs=0.012)
    # for a proportion the bootstrap is near Wilson
    wilson = operating_point.measure(y, p, 0.5).accuracy
    assert ours["accuracy"] == pytest.approx((wilson.low, wilson.high), abs=0.015)
    # Simel's interval of log LR+ (J Clin Epidemiol 1991; 44: 763)
    point = operating_point.measure(y, p, 0.5)
    error = math.sqrt(
        1 / point.tp - 1 / (point.tp + point.fn) + 1 / point.fp - 1 / (point.fp + point.tn)
    )
    simel = [point.lr_pos * math.exp(sign * 1.96 * error) for sign in (-1, 1)]
    assert ours["lr_pos"] == pytest.approx(simel, rel=0.2)


def cells(tp, fp, tn, fn):
    """Return y and a score called at 0.5 that make this two-by-two table."""
    y = np.repeat([1, 0, 0, 1], [tp, fp, tn, fn])
    return y, np.repeat([0.9, 0.9, 0.1, 0.1], [tp, fp, tn, fn])


def test_proportions_know_the_patients_of_their_own_cases():
    y, p = cells(8, 3, 7, 2)
    plain = operating_point.measure(y, p, 0.5)
    alone = operating_point.measure(y, p, 0.5, patients=np.arange(20))
    assert alone == plain
    # the first patient has two positive cases, each of which is called so
    patients = np.array([0, 0, *range(2, 20)])
    found = operating_point.measure(y, p, 0.5, patients=patients)
    assert found.specificity == plain.specificity
    assert found.npv == plain.npv
    for name in ("sensitivity", "accuracy", "ppv"):
        wide, narrow = getattr(found, name), getattr(plain, name)
        assert wide.estimate == narrow.estimate
        assert wide.low < narrow.low < narrow.high < wide.high
    assert found.lr_pos == plain.lr_pos


def test_limits_join_as_zou_and_donner_have_it():
    y, p = cells(40, 10, 90, 20)
    found = operating_point.from_proportions(y, p, np.arange(160), 0.5, prevalence=0.1)
    point = operating_point.measure(y, p, 0.5)
    sens, spec = point.sensitivity, point.specificity
    below = math.hypot(sens.estimate - sens.low, spec.estimate - spec.low) / 2
    assert found["balanced_accuracy"][0] == pytest.approx(point.balanced_accuracy - below)
    # Donner and Zou's limits of a ratio in their own form
    a, l1, u1 = sens.estimate, sens.low, sens.high
    b, l2, u2 = 1 - spec.estimate, 1 - spec.high, 1 - spec.low
    low = (a * b - math.sqrt((a * b) ** 2 - l1 * u2 * (2 * a - l1) * (2 * b - u2))) / (
        u2 * (2 * b - u2)
    )
    high = (a * b + math.sqrt((a * b) ** 2 - u1 * l2 * (2 * a - u1) * (2 * b - l2))) / (
        l2 * (2 * b - l2)
    )
    assert found["lr_pos"] == pytest.approx((low, high))
    odds = 0.1 / 0.9
    assert found["ppv_at_prevalence"] == pytest.approx(
        [ratio * odds / (1 + ratio * odds) for ratio in (low, high)]
    )
    least, most = found["lr_neg"]
    assert found["npv_at_prevalence"] == pytest.approx(
        [1 / (1 + most * odds), 1 / (1 + least * odds)]
    )
    # Simel's interval of log LR+ is near
    error = math.sqrt(1 / 40 - 1 / 60 + 1 / 10 - 1 / 100)
    simel = [point.lr_pos * math.exp(sign * 1.96 * error) for sign in (-1, 1)]
    assert found["lr_pos"] == pytest.approx(simel, rel=0.05)


def test_a_perfect_test_has_limits_too():
    y, p = cells(20, 0, 20, 0)
    found = operating_point.from_proportions(y, p, np.arange(40), 0.5, prevalence=0.1)
    low = 20 / (20 + 1.959963984540054**2)
    assert found["balanced_accuracy"] == (pytest.approx(1 - (1 - low) / math.sqrt(2)), 1)
    assert found["lr_pos"] == (pytest.approx(math.sqrt(low * (2 - low)) / (1 - low)), math.inf)
    assert found["lr_neg"] == (0, pytest.approx((1 - low) / math.sqrt(low * (2 - low))))
    assert found["f1"] == (pytest.approx(2 * low / (1 + low)), 1)
    assert found["ppv_at_prevalence"][1] == found["npv_at_prevalence"][1] == 1
    assert 0.3 < found["ppv_at_prevalence"][0] < 0.8 < found["npv_at_prevalence"][0] < 1
    # a patient with a lesion of either class: the worst limits come together
    shared = operating_point.from_proportions(y, p, [*range(20), *range(20)], 0.5)
    assert shared["balanced_accuracy"] == (pytest.approx(low), 1)
    assert shared["lr_pos"] == (pytest.approx(low / (1 - low)), math.inf)


def test_a_useless_test_has_limits_where_it_has_a_value():
    y, p = cells(0, 0, 10, 10)
    found = operating_point.from_proportions(y, p, np.arange(20), 0.5)
    assert all(map(math.isnan, found["lr_pos"]))
    assert found["f1"] == (0, pytest.approx(2 * (high := 0.277533) / (1 + high), abs=1e-5))
    y, p = cells(0, 4, 6, 10)
    low, high = operating_point.from_proportions(y, p, np.arange(20), 0.5)["lr_pos"]
    assert low == 0 < high < math.inf
    one_class = operating_point.from_proportions([1, 1], [0.9, 0.9], [1, 2], 0.5)
    assert all(map(math.isnan, (*one_class["lr_pos"], *one_class["balanced_accuracy"])))
    assert one_class["f1"][0] < one_class["f1"][1] == 1
