import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from microcalc.statistics import baseline_tests


def groups(oracle, column):
    data = oracle.data("table1").dropna(subset=[column])
    return (data.loc[data["group"] == g, column] for g in ("test", "train"))


def counts(oracle, name):
    return np.array(oracle("table1")["categorical"][name]["table"])


@pytest.mark.parametrize("column", ["age", "size_mm", "cea"])
def test_continuous_tests_are_those_of_r(oracle, column):
    expected = oracle("table1")["continuous"][column]
    test, train = groups(oracle, column)
    welch = baseline_tests.continuous(test, train, normal=True)
    rank = baseline_tests.continuous(test, train, normal=False)
    assert welch.p_value == pytest.approx(expected["welch_t"]["p"], abs=1e-12)
    assert rank.p_value == pytest.approx(expected["mannwhitney_R_default"]["p"], abs=1e-12)
    assert (welch.test, rank.test) == ("Welch", "Mann–Whitney")
    smd = baseline_tests.smd_continuous(test, train)
    assert smd == pytest.approx(expected["smd_pooled"], abs=1e-12)


def test_shapiro_decides_as_in_r(oracle):
    for column in ("age", "size_mm", "cea"):
        expected = oracle("table1")["continuous"][column]
        normal = min(expected[g]["shapiro_p"] for g in ("train", "test")) >= 0.05
        assert baseline_tests.looks_normal(*groups(oracle, column)) is normal


@pytest.mark.parametrize(
    "values", [[1.0, 2.0], [3.0] * 20, []], ids=["too few", "no spread", "none"]
)
def test_what_cannot_be_judged_is_not_normal(values):
    assert not baseline_tests.looks_normal(values)


def test_chi2_is_that_of_r(oracle):
    found = baseline_tests.categorical(counts(oracle, "sex"))
    expected = oracle("table1")["categorical"]["sex"]["chisq_nocorrect"]["p"]
    assert found.test == "chi²"
    assert found.p_value == pytest.approx(expected, abs=1e-12)


def test_few_expected_call_for_fisher(oracle):
    found = baseline_tests.categorical(counts(oracle, "rare"))
    expected = oracle("table1")["categorical"]["rare"]["fisher"]["p"]
    assert found.test == "Fisher"
    assert found.p_value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["sex", "stage", "rare"])
def test_fisher_is_that_of_r(oracle, name):
    expected = oracle("table1")["categorical"][name]["fisher"]["p"]
    assert baseline_tests.fisher(counts(oracle, name)).p_value == pytest.approx(expected, abs=1e-9)


def test_enumeration_and_scipys_fisher_agree_on_two_levels():
    table = np.array([[3, 9], [8, 4], [0, 0]])
    log_p = baseline_tests._log_probabilities(table.sum(axis=1), 11)
    assert np.exp(log_p).sum() == pytest.approx(1)
    assert baseline_tests.fisher(table).p_value == pytest.approx(
        stats.fisher_exact(table[:2]).pvalue
    )


def test_too_many_tables_are_simulated(monkeypatch, oracle):
    monkeypatch.setattr(baseline_tests, "MOST_TABLES", 10)
    monkeypatch.setattr(baseline_tests, "SIMULATED_TABLES", 4000)
    found = baseline_tests.fisher(counts(oracle, "stage"))
    assert found.test == "Fisher, simulated"
    assert found.p_value == pytest.approx(0.853934874278178, abs=0.03)
    assert found == baseline_tests.fisher(counts(oracle, "stage"))


def test_cochrans_rule_allows_a_fifth_under_five():
    # one of ten expected counts under 5, none under 1
    table = np.array([[20, 30], [25, 25], [30, 20], [22, 28], [3, 6]])
    assert baseline_tests.categorical(table).test == "chi²"


def test_nothing_to_compare_is_no_test():
    assert baseline_tests.categorical([[5, 7], [0, 0]]).test == ""
    assert baseline_tests.categorical([[5, 0], [4, 0]]).test == ""
    assert math.isnan(baseline_tests.continuous([1.0], [1.0, 2.0], normal=True).p_value)


def test_equal_constants_do_not_differ():
    assert baseline_tests.continuous([2, 2], [2, 2, 2], normal=False).p_value == 1
    assert baseline_tests.continuous([2, 2], [2, 2, 2], normal=True).p_value == 1
    assert baseline_tests.smd_continuous([2, 2], [2, 2, 2]) == 0


def test_categorical_smd_of_two_levels_is_the_textbook_one():
    p, q = 0.3, 0.45
    found = baseline_tests.smd_categorical([[70, 55], [30, 45]])
    assert found == pytest.approx(abs(p - q) / math.sqrt((p * (1 - p) + q * (1 - q)) / 2))


def test_categorical_smd_does_not_depend_on_the_order_of_levels():
    table = np.array([[12, 30], [40, 22], [9, 9], [0, 0], [5, 17]])
    assert baseline_tests.smd_categorical(table) == pytest.approx(
        baseline_tests.smd_categorical(table[::-1])
    )


def permuted(values, second, patients, *, normal=True, permutations=9999, seed=1):
    rng = np.random.default_rng(seed)
    return baseline_tests.permuted_continuous(
        values, second, patients, normal=normal, rng=rng, permutations=permutations
    )


def test_permuting_patients_is_the_exact_test_of_all_exchanges():
    # six patients of two lesions each, three of each class: 20 ways to deal the classes
    ages = np.array([41.0, 44, 52, 58, 63, 71])
    x = np.repeat(ages, 2) + np.tile([0.0, 0.5], 6)
    second = np.repeat([False, False, True, False, True, True], 2)
    sums = np.array([ages[list(chosen)].sum() for chosen in combinations(range(6), 3)])
    as_far = np.abs(sums - sums.mean()) >= abs(ages[[2, 4, 5]].sum() - sums.mean()) - 1e-9
    found = permuted(x, second, np.repeat(np.arange(6), 2))
    assert found.p_value == pytest.approx(as_far.mean(), abs=0.015)
    assert found.test == "difference of means, 9,999 permutations of patients"
    ranks = permuted(x, second, np.repeat(np.arange(6), 2), normal=False)
    sums = np.array([sum(chosen) for chosen in combinations(range(6), 3)])
    as_far = np.abs(sums - 7.5) >= abs(2 + 4 + 5 - 7.5)
    assert ranks.p_value == pytest.approx(as_far.mean(), abs=0.015)
    assert ranks.test == "rank sum, 9,999 permutations of patients"


def test_permuting_patients_who_have_one_case_is_near_the_usual_tests():
    rng = np.random.default_rng(3)
    second = np.arange(80) % 2 == 1
    x = rng.normal(size=80) + 0.4 * second
    alone = np.arange(80)
    plain = baseline_tests.continuous(x[~second], x[second], normal=True)
    assert permuted(x, second, alone).p_value == pytest.approx(plain.p_value, abs=0.01)
    plain = baseline_tests.continuous(x[~second], x[second], normal=False)
    found = permuted(x, second, alone, normal=False)
    assert found.p_value == pytest.approx(plain.p_value, abs=0.01)
    levels = np.searchsorted((-0.5, 0.8), x)
    found = baseline_tests.permuted_categorical(levels, second, alone, rng=np.random.default_rng(1))

    def pearson(group):
        counts = [[(levels[of] == level).sum() for of in (~group, group)] for level in range(3)]
        return stats.chi2_contingency(counts, correction=False).statistic

    dealt = [pearson(rng.permutation(second)) for _ in range(3000)]
    assert found.p_value == pytest.approx(np.mean(dealt >= pearson(second) - 1e-9), abs=0.03)
    assert found.test == "chi², 9,999 permutations of patients"


def test_a_second_lesion_that_says_the_same_adds_nothing():
    rng = np.random.default_rng(6)
    second = np.arange(40) % 2 == 1
    x = np.round(rng.normal(size=40) + 0.8 * second, 1)
    once = permuted(x, second, np.arange(40), normal=False)
    twice = permuted(
        np.repeat(x, 2), np.repeat(second, 2), np.repeat(np.arange(40), 2), normal=False
    )
    assert twice.p_value == pytest.approx(once.p_value, abs=0.005)
    naive = baseline_tests.continuous(
        np.repeat(x[~second], 2), np.repeat(x[second], 2), normal=False
    )
    assert naive.p_value < 0.3 * twice.p_value


def test_permutations_that_cannot_tell_are_no_test():
    # one patient of each size: nobody to exchange with
    assert permuted([1.0, 2, 3], [True, False, False], ["a", "b", "b"]).test == ""
    assert permuted([5.0] * 4, [True, False] * 2, ["a", "a", "b", "c"]).test == ""
    assert permuted([1.0, 2.0], [True, True], ["a", "a"]).test == ""
    rng = np.random.default_rng(1)
    none = baseline_tests.permuted_categorical([], [], [], rng=rng)
    assert math.isnan(none.p_value)
    one_level = baseline_tests.permuted_categorical([2] * 4, [0, 0, 1, 1], [0, 0, 1, 1], rng=rng)
    assert one_level.test == ""


def test_a_permutation_p_is_never_nothing():
    x, patients = np.repeat(np.arange(40.0), 2), np.repeat(np.arange(40), 2)
    found = permuted(x, x >= 20, patients, permutations=99)
    assert found.p_value == 1 / 100
