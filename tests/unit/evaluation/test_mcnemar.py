import itertools

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from microcalc.core.errors import StudyError
from microcalc.evaluation import compare, mcnemar
from microcalc.statistics import paired_proportions
from microcalc.statistics.multiplicity import holm

CELLS = ((1, 1), (1, 0), (0, 1), (0, 0))
MODELS = {"deep": {"threshold": 0.5}, "clinical": {"threshold": 0.4}}


def calls(both, only_a, only_b, neither):
    a = [1] * (both + only_a) + [0] * (only_b + neither)
    b = [1] * both + [0] * only_a + [1] * only_b + [0] * neither
    return a, b, np.arange(len(a))


def test_exact_p_value_is_that_of_r(oracle):
    expected = oracle("table1")["mcnemar"]
    both, b, c, neither = expected["table_colmajor"]
    found = paired_proportions.compare_paired(*calls(both, c, b, neither))
    assert found.p_value == pytest.approx(expected["p_exact_binomial"], abs=1e-12)
    assert found.method == "McNemar, exact"


def test_exact_p_value_is_that_of_statsmodels():
    found = paired_proportions.compare_paired(*calls(30, 11, 2, 9))
    expected = statsmodels_mcnemar([[30, 11], [2, 9]], exact=True).pvalue
    assert found.p_value == pytest.approx(expected, abs=1e-12)


def test_newcombes_interval_is_the_published_one():
    """Airway hyper-responsiveness, 1, 1, 7, 12 of 21: Fagerland et al., Stat Med 2014; 33: 2850."""
    found = paired_proportions.compare_paired(*calls(1, 1, 7, 12))
    assert found.difference == pytest.approx(-6 / 21)
    assert (found.low, found.high) == pytest.approx((-0.507, -0.026), abs=5e-4)


def test_no_discordant_case_is_no_difference():
    found = paired_proportions.compare_paired(*calls(5, 0, 0, 3))
    assert (found.p_value, found.difference) == (1, 0)
    assert found.low < 0 < found.high


def test_clustered_pairs_flip_the_signs_of_patients():
    a = [1, 1, 1, 0, 1, 1]
    b = [0, 0, 1, 1, 0, 1]
    found = paired_proportions.compare_paired(a, b, ["p", "p", "q", "q", "r", "s"])
    # Sums per patient 2, -1, 1, 0. Of ±2 ±1 ±1 = 4, 2, 2, 0, 0, -2, -2, -4 six are as far as 2.
    assert found.p_value == pytest.approx(6 / 8, abs=1e-15)
    assert found.method == "sign-flip by patient, exact"


def test_the_sign_flip_p_is_the_share_of_all_signings():
    sums = np.array([3, -1, 2, 2, 0, -1, 4, 1, -2])
    signed = np.array(list(itertools.product((-1, 1), repeat=sums.size))) @ sums
    expected = (np.abs(signed) >= abs(sums.sum())).mean()
    assert paired_proportions.sign_flip_p(sums) == pytest.approx(expected, abs=1e-14)


def test_one_case_with_each_patient_makes_the_sign_flip_mcnemars_test():
    expected = statsmodels_mcnemar([[30, 11], [2, 9]], exact=True).pvalue
    assert paired_proportions.sign_flip_p([1] * 11 + [-1] * 2 + [0] * 39) == pytest.approx(
        expected, abs=1e-14
    )


def test_many_patients_all_for_one_model_have_a_p_above_0():
    assert paired_proportions.sign_flip_p([3] * 300) == pytest.approx(2.0**-299)


def test_a_sample_of_a_few_large_patients_shows_little():
    """Yang's statistic is 3 then, p = 0.083, whatever the number of cases."""
    assert paired_proportions.sign_flip_p([20, 20, 20]) == 0.25


def test_cases_that_copy_each_other_count_as_their_patients():
    a, b, who = calls(10, 6, 2, 4)
    alone = paired_proportions.compare_paired(a, b, who)
    twice = paired_proportions.compare_paired(np.repeat(a, 2), np.repeat(b, 2), np.repeat(who, 2))
    assert (twice.low, twice.high) == pytest.approx((alone.low, alone.high))
    assert twice.p_value == pytest.approx(alone.p_value)


def test_the_clustered_interval_by_hand():
    a, b = np.array([1, 1, 1, 1, 0, 1]), np.array([0, 0, 1, 1, 1, 1])
    found = paired_proportions.compare_paired(a, b, ["p", "p", "q", "q", "r", "r"])
    # Gaps 1, 1, 0, 0, -1, 0 of mean 1/6: squares about it sum to 3 - 6/36 = 17/6. Sums of
    # patients about their share 1/3: 5/3, -1/3, -4/3, squares 42/9, times 3/2 = 7. The design
    # effect 7 / (17/6) = 42/17 exceeds 2, that of copies: six cases count as three.
    expected = paired_proportions.newcombe(1.5, 1.0, 0.5, 0.0, confidence=0.95)
    assert (found.low, found.high) == pytest.approx(expected)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (0, 0), (1, 0)])
def test_clustered_cases_that_are_all_alike_have_an_interval(a, b):
    """A degenerate variance must not become an interval of width 0."""
    found = paired_proportions.compare_paired([a] * 6, [b] * 6, ["p", "p", "q", "q", "r", "r"])
    expected = paired_proportions.newcombe(
        *(3 * (here == (a, b)) for here in CELLS), confidence=0.95
    )
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.high - found.low > 0.5


def test_swapping_flips_the_difference():
    a, b, who = calls(20, 9, 3, 8)
    one, other = (
        paired_proportions.compare_paired(a, b, who),
        paired_proportions.compare_paired(b, a, who),
    )
    assert one.difference == -other.difference
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.p_value == other.p_value


def test_unequal_lengths_are_refused():
    with pytest.raises(StudyError, match="2 and 3 calls"):
        paired_proportions.compare_paired([1, 0], [1, 0, 1], ["a", "b"])


def test_the_table_has_each_figure_of_each_pair(predictions):
    table = mcnemar.table(predictions, MODELS, [["deep", "clinical"]], confidence=0.95)
    assert list(table.columns) == list(mcnemar.COLUMNS)
    assert len(table) == 12
    row = table.query("split == 'external' and figure == 'sensitivity'").iloc[0]
    rows = predictions.query("split == 'external' and y == 1").pivot_table(
        index="case_id", columns="model", values="probability"
    )
    assert row["a"] == pytest.approx((rows["deep"] >= 0.5).mean())
    assert row["b"] == pytest.approx((rows["clinical"] >= 0.4).mean())
    assert row["n"] == 20


def test_holm_within_set_and_figure(predictions):
    table = mcnemar.table(
        predictions, MODELS, [["deep", "clinical"], ["clinical", "deep"]], confidence=0.95
    )
    for _, rows in table.groupby(["split", "kind", "figure"]):
        assert rows["p_holm"].tolist() == pytest.approx(holm(rows["p"]), nan_ok=True)
    apparent = table[table["kind"] == "apparent"]
    assert apparent[["low", "high", "p", "p_holm"]].isna().all(axis=None)
    assert apparent["difference"].notna().all()
    assert set(apparent["method"]) == {compare.NOT_TESTED}


def test_a_figure_without_cases_has_no_row(predictions):
    keep = (predictions["split"] != "external") | (predictions["y"] == 1)
    table = mcnemar.table(predictions[keep], MODELS, [["deep", "clinical"]], confidence=0.95)
    figures = table.query("split == 'external'")["figure"].tolist()
    assert figures == ["sensitivity", "accuracy"]
