import math

import numpy as np
import pytest
from scipy import stats

from microcalc.evaluation import baseline_tests


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
