import math

import numpy as np
import pytest

from microcalc.statistics import clustered, delong


@pytest.mark.parametrize("marker", ["wfns", "s100b", "ndka"])
def test_one_case_per_patient_is_delong(oracle, marker):
    data = oracle.data("aSAH")
    plain = delong.auc_ci(data["y"], data[marker])
    found = clustered.auc_ci(data["y"], data[marker], np.arange(len(data)))
    assert found.variance == pytest.approx(plain.variance, rel=1e-12)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), rel=1e-12)
    pair = delong.compare_paired(data["y"], data[marker], data["age"])
    both = clustered.compare_paired(data["y"], data[marker], data["age"], np.arange(len(data)))
    assert both.z == pytest.approx(pair.z, rel=1e-12)


def test_copies_of_a_case_add_nothing(oracle):
    """Two identical cases per patient: the variance of the patients, not half of it."""
    data = oracle.data("aSAH")
    plain = delong.auc_ci(data["y"], data["s100b"])
    twice = np.repeat(np.arange(len(data)), 2)
    y, score = data["y"].to_numpy()[twice], data["s100b"].to_numpy()[twice]
    assert clustered.auc_ci(y, score, twice).variance == pytest.approx(plain.variance, rel=1e-12)
    assert delong.auc_ci(y, score).variance < 0.51 * plain.variance


def by_hand(y, score, patients):
    """Return the variance by Obuchowski's formulas as printed, with loops."""
    pos, neg = [i for i in range(len(y)) if y[i]], [i for i in range(len(y)) if not y[i]]

    def psi(i, j):
        return 1.0 if score[i] > score[j] else 0.5 if score[i] == score[j] else 0.0

    v10 = {i: sum(psi(i, j) for j in neg) / len(neg) for i in pos}
    v01 = {j: sum(psi(i, j) for i in pos) / len(pos) for j in neg}
    auc = sum(v10.values()) / len(pos)
    names = sorted(set(patients))
    x = {c: sum(v10[i] - auc for i in pos if patients[i] == c) for c in names}
    z = {c: sum(v01[j] - auc for j in neg if patients[j] == c) for c in names}
    i10 = len({patients[i] for i in pos})
    i01 = len({patients[j] for j in neg})
    m, n, k = len(pos), len(neg), len(names)
    s10 = i10 / ((i10 - 1) * m) * sum(v**2 for v in x.values())
    s01 = i01 / ((i01 - 1) * n) * sum(v**2 for v in z.values())
    s11 = k / (k - 1) * sum(x[c] * z[c] for c in names)
    return s10 / m + s01 / n + 2 * s11 / (m * n)


def test_the_variance_is_the_printed_formula():
    rng = np.random.default_rng(5)
    patients = rng.integers(0, 12, 40)
    y, score = rng.integers(0, 2, 40), rng.integers(0, 6, 40)
    found = clustered.auc_ci(y, score, patients)
    assert found.variance == pytest.approx(by_hand(y, score, patients), rel=1e-12)


def test_the_variance_is_that_of_repeated_studies():
    """500 studies of 60 patients with three cases that share a patient effect."""
    rng = np.random.default_rng(6)
    aucs, variances, naive = [], [], []
    patients = np.repeat(np.arange(60), 3)
    for _ in range(500):
        y = np.repeat(rng.integers(0, 2, 60), 3)
        score = 0.8 * y + np.repeat(rng.normal(size=60), 3) + 0.5 * rng.normal(size=180)
        found = clustered.auc_ci(y, score, patients)
        aucs.append(found.auc)
        variances.append(found.variance)
        naive.append(delong.auc_ci(y, score).variance)
    assert np.mean(variances) == pytest.approx(np.var(aucs, ddof=1), rel=0.15)
    assert np.mean(naive) < 0.6 * np.var(aucs, ddof=1)


def test_one_patient_with_a_class_has_no_variance():
    found = clustered.auc_ci([1, 1, 0, 0], [3, 1, 2, 0], ["a", "a", "b", "c"])
    assert found.auc == 0.75
    assert math.isnan(found.variance)


def test_a_variance_that_cancels_within_patients_is_none():
    """What each patient's positive case adds to the AUC, its negative case takes away."""
    y, score = [1, 0, 1, 0, 1, 0], [3, 4, 5, 6, 1, 2]
    patients = ["a", "a", "b", "b", "c", "c"]
    assert by_hand(y, score, patients) == pytest.approx(0, abs=1e-15)
    found = clustered.auc_ci(y, score, patients)
    assert found.auc == pytest.approx(1 / 3)
    assert all(math.isnan(v) for v in (found.variance, found.low, found.high))
    test = clustered.compare_paired(y, score, [1] * 6, patients)
    assert all(math.isnan(v) for v in (test.variance, test.z, test.p_value, test.low, test.high))


def test_a_perfect_score_has_no_variance_and_differs_without_a_p_value():
    y, patients = [1, 1, 1, 0, 0, 0], ["a", "a", "b", "c", "c", "d"]
    perfect = [4, 5, 6, 1, 2, 3]
    assert clustered.auc_ci(y, perfect, patients).variance == 0
    test = clustered.compare_paired(y, perfect, [1] * 6, patients)
    assert (test.delta, test.variance) == (0.5, 0)
    assert math.isnan(test.p_value)


def test_wilsons_least_variance_grows_with_the_design_effect():
    """Every case twice: the interval of the patients, not that of twice as many."""
    rng = np.random.default_rng(8)
    y = np.arange(60) % 2
    score = rng.normal(size=60) + 2.5 * y
    once = delong.auc_ci(y, score, transform="wilson")
    twice = np.repeat(np.arange(60), 2)
    found = clustered.auc_ci(y[twice], score[twice], twice, transform="wilson")
    least = delong.least_variance(once.auc, 30, 30)
    assert least > once.variance
    assert (found.low, found.high) == pytest.approx((once.low, once.high), abs=0.004)


def test_identical_scores_do_not_differ():
    y, s, who = [1, 1, 0, 0, 1], [3, 1, 2, 0, 4], ["a", "a", "b", "c", "d"]
    test = clustered.compare_paired(y, s, s, who)
    assert (test.z, test.p_value) == (0, 1)
