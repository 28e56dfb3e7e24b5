import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microcalc.core.errors import StudyError
from microcalc.statistics import delong

EXACT = {"rel": 1e-10, "abs": 1e-10}
MARKERS = ("wfns", "s100b", "ndka")
SYNTHETIC = ("delong_tiny", "delong_identical", "delong_missing")


def close(value):
    return pytest.approx(value, **EXACT)


def singles():
    yield from (("aSAH", marker) for marker in MARKERS)
    yield from (("delong_tiny", m) for m in ("m1", "m2", "m3"))
    yield from (("delong_identical", m) for m in ("m1", "m2", "m3", "m4", "m5"))
    yield from (("delong_missing", m) for m in ("m1", "m2", "m3"))


@pytest.mark.parametrize(("name", "marker"), [*singles()])
def test_auc_and_intervals_are_those_of_proc(oracle, name, marker):
    data = oracle.data(name)[["y", marker]].dropna()
    found = oracle("delong_aSAH")["markers"] if name == "aSAH" else None
    expected = (found or oracle("delong_synthetic")[name]["single"])[marker]
    for level in (90, 95, 99):
        auc = delong.auc_ci(data["y"], data[marker], confidence=level / 100)
        assert auc.auc == close(expected["auc"])
        assert auc.variance == close(expected["var_delong"])
        assert [auc.low, auc.auc, auc.high] == close(expected[f"ci{level}"])
        assert (auc.n_pos, auc.n_neg) == (expected["n_pos"], expected["n_neg"])


def pairs():
    names = dict.fromkeys(SYNTHETIC, ("m1", "m2", "m3"))
    names |= {"aSAH": MARKERS, "delong_identical": ("m1", "m2", "m3", "m4", "m5")}
    for name, markers in names.items():
        for i, a in enumerate(markers):
            yield from ((name, a, b) for b in markers[i + 1 :])


@pytest.mark.parametrize(("name", "a", "b"), [*pairs()])
def test_paired_comparison_is_that_of_proc(oracle, name, a, b):
    data = oracle.data(name)[["y", a, b]].dropna()
    found = oracle("delong_aSAH") if name == "aSAH" else oracle("delong_synthetic")[name]
    expected = found["paired"][f"{a}_vs_{b}"]
    test = delong.compare_paired(data["y"], data[a], data[b])
    assert len(data) == expected["n_used"]
    assert [test.auc_a, test.auc_b] == close([expected["auc1"], expected["auc2"]])
    assert test.z == close(expected["z"])
    assert test.p_value == close(expected["p_two_sided"])
    assert [test.low, test.high] == close(expected["ci95_diff"])


@pytest.mark.parametrize("marker", MARKERS)
def test_unpaired_comparison_is_that_of_proc(oracle, marker):
    data = oracle.data("aSAH")
    men, women = (data[data["gender"] == g] for g in ("Male", "Female"))
    expected = oracle("delong_aSAH")["unpaired_by_gender"][marker]
    test = delong.compare_unpaired(men["y"], men[marker], women["y"], women[marker])
    assert [test.auc_1, test.auc_2] == close([expected["auc1"], expected["auc2"]])
    assert test.t == close(expected["D"])
    assert test.degrees_of_freedom == close(expected["df"])
    assert test.p_value == close(expected["p_two_sided"])
    assert test.low < test.delta < test.high


def test_one_positive_case_has_an_auc_but_no_variance(oracle):
    data = oracle.data("delong_onepos")
    auc = delong.auc_ci(data["y"], data["m1"])
    assert auc.auc == close(6 / 7)
    assert math.isnan(auc.variance)
    assert math.isnan(auc.low)
    assert math.isnan(auc.high)
    test = delong.compare_paired(data["y"], data["m1"], data["m2"])
    assert test.delta == 0
    assert math.isnan(test.p_value)


def test_identical_scores_do_not_differ():
    rng = np.random.default_rng(1)
    y, score = rng.integers(0, 2, 60), rng.normal(size=60)
    test = delong.compare_paired(y, score, 3 * score + 1)
    assert (test.delta, test.z, test.p_value) == (0, 0, 1)
    assert (test.low, test.high) == (0, 0)


def test_swapping_the_arguments_flips_the_sign():
    rng = np.random.default_rng(2)
    y, a, b = rng.integers(0, 2, 80), rng.normal(size=80), rng.normal(size=80)
    forward, backward = delong.compare_paired(y, a, b), delong.compare_paired(y, b, a)
    assert forward.z == -backward.z != 0
    assert forward.p_value == backward.p_value
    assert (forward.low, forward.high) == (-backward.high, -backward.low)


def test_equal_scores_are_a_coin():
    auc = delong.auc_ci([0, 1, 0, 1, 1], [0.3] * 5)
    assert (auc.auc, auc.variance, auc.low, auc.high) == (0.5, 0, 0.5, 0.5)


def test_perfect_separation_is_a_point_as_proc_has_it():
    auc = delong.auc_ci([0, 0, 1, 1], [1, 2, 3, 4])
    assert (auc.auc, auc.variance, auc.low, auc.high) == (1, 0, 1, 1)


@pytest.mark.parametrize("transform", ["logit", "wilson"])
@pytest.mark.parametrize("score", [[1, 2, 3, 4], [4, 3, 2, 1], [1, 1, 1, 1]])
def test_no_variance_is_no_interval_on_another_scale(transform, score):
    auc = delong.auc_ci([0, 0, 1, 1], score, transform=transform)
    assert auc.variance == 0
    assert math.isnan(auc.low)
    assert math.isnan(auc.high)


# The last two differ by 1/3 in every case, which doubles do not hold exactly.
WITHOUT_VARIANCE = [
    ([0, 0, 1, 1], [1, 2, 3, 4], [1, 1, 1, 1]),
    ([0, 0, 1, 1], [1, 2, 3, 4], [4, 3, 2, 1]),
    ([0, 0, 1, 1], [1, 1, 1, 1], [4, 3, 2, 1]),
    ([0, 0, 0, 1, 1, 1], [1, 3, 5, 6, 4, 2], [1, 3, 5, 4, 2, 0]),
]


@pytest.mark.parametrize(("y", "a", "b"), WITHOUT_VARIANCE)
def test_a_difference_without_variance_is_undetermined(y, a, b):
    test = delong.compare_paired(y, a, b)
    assert test.variance == 0
    assert test.delta != 0
    assert all(math.isnan(v) for v in (test.z, test.p_value, test.low, test.high))


def test_two_groups_without_variance_are_not_compared():
    y, perfect = [0, 0, 1, 1], [1, 2, 3, 4]
    for other in (perfect, [4, 3, 2, 1], [0, 0, 0, 0]):
        test = delong.compare_unpaired(y, perfect, y, other)
        assert all(math.isnan(v) for v in (test.t, test.p_value, test.low, test.high))


def test_wilsons_interval_is_that_of_as_many_cases_as_give_the_variance(oracle):
    data = oracle.data("aSAH")
    plain = delong.auc_ci(data["y"], data["s100b"])
    found = delong.auc_ci(data["y"], data["s100b"], transform="wilson")
    a = plain.auc
    # Newcombe's method 5 with 41 positive and 72 negative patients, as printed
    newcombe = a * (1 - a) * (1 + (113 / 2 - 1) * ((1 - a) / (2 - a) + a / (1 + a))) / (41 * 72)
    n = a * (1 - a) / max(plain.variance, newcombe)
    z = 1.959963984540054
    center, reach = (a + z**2 / 2 / n), z * math.sqrt(a * (1 - a) / n + z**2 / 4 / n**2)
    expected = [(center - reach) / (1 + z**2 / n), (center + reach) / (1 + z**2 / n)]
    assert [found.low, found.high] == close(expected)


def test_an_unknown_transform_is_refused():
    with pytest.raises(StudyError, match="expected none, logit or wilson"):
        delong.auc_ci([0, 0, 1, 1], [1, 3, 2, 4], transform="probit")


def test_intervals_are_clipped_and_the_logit_never_leaves():
    y, score = [0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6]
    assert delong.auc_ci(y, score).high == 1
    logit = delong.auc_ci(y, score, transform="logit")
    assert 0 < logit.low < 8 / 9 < logit.high < 1
    # statsmodels-free check of Pepe's formula by hand
    center, error = math.log(8), math.sqrt(logit.variance) / (8 / 9 * 1 / 9)
    assert logit.low == close(1 / (1 + math.exp(-(center - 1.959963984540054 * error))))


@pytest.mark.parametrize(
    ("y", "score", "words"),
    [
        ([1, 1, 1], [1, 2, 3], "3 positive and 0 negative"),
        ([0, 0], [1, 2], "0 positive and 2 negative"),
        ([0, 1, 1], [1, math.nan, 3], "NaN"),
        ([0, 1, 2], [1, 2, 3], "y is .*2.* at position 2"),
        ([0, 1], [1, 2, 3], "one value for each of 2"),
        ([], [], "at least one"),
    ],
)
def test_what_cannot_be_ranked_is_refused(y, score, words):
    with pytest.raises(StudyError, match=words):
        delong.auc_ci(y, score)


def test_a_confidence_in_per_cent_is_refused():
    with pytest.raises(StudyError, match=r"fraction such as 0\.95"):
        delong.auc_ci([0, 1], [1, 2], confidence=95)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=4, max_size=40))
def test_ties_are_exact(cases):
    y = np.array([c[0] for c in cases])
    score = np.array([c[1] for c in cases], dtype=float)
    if y.all() or not y.any():
        return
    wins = score[y][:, None] - score[~y][None, :]
    kernel = (wins > 0) + 0.5 * (wins == 0)
    found = delong.auc_ci(y, score)
    assert found.auc == kernel.sum() / kernel.size
    mirrored = delong.auc_ci(~y, score)
    assert mirrored.auc == pytest.approx(1 - found.auc, abs=1e-15)
    if min(kernel.shape) > 1:
        expected = kernel.mean(1).var(ddof=1) / kernel.shape[0]
        expected += kernel.mean(0).var(ddof=1) / kernel.shape[1]
        assert found.variance == pytest.approx(expected, abs=1e-14)


def test_a_million_cases_take_seconds():
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 1_000_000)
    a, b = rng.normal(size=y.size) + y, rng.normal(size=y.size).round(2) + y
    start = time.process_time()
    delong.compare_paired(y, a, b)
    assert time.process_time() - start < 8
