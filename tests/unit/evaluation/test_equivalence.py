import math

import pytest
from scipy import stats

from microcalc.core.errors import StudyError
from microcalc.evaluation import equivalence
from microcalc.statistics import delong
from microcalc.statistics.constant_ranks import Alike


@pytest.mark.parametrize(
    ("delta", "verdict"),
    [(0.0, "equivalent"), (0.06, "non-inferior"), (-0.04, "not shown"), (-0.12, "inferior")],
)
def test_verdicts(delta, verdict):
    found = equivalence.judge(delta, 0.02**2, margin=0.05, alpha=0.05)
    assert found.verdict == verdict


def test_p_values_are_two_one_sided_normal_tests():
    found = equivalence.judge(0.01, 0.02**2, margin=0.05, alpha=0.05)
    lower, upper = stats.norm.sf(0.06 / 0.02), stats.norm.sf(0.04 / 0.02)
    assert found.p_non_inferior == pytest.approx(lower)
    assert found.p_equivalent == pytest.approx(upper)


@pytest.mark.parametrize("delta", [-0.0171, -0.0170, 0.0170, 0.0171])
def test_the_test_and_the_interval_agree(delta):
    found = equivalence.judge(delta, 0.02**2, margin=0.05, alpha=0.05)
    inside = abs(found.low) < 0.05 > abs(found.high)
    assert (found.verdict == "equivalent") is inside


@pytest.mark.parametrize("variance", [0.0, math.nan])
def test_no_variance_is_no_verdict(variance):
    found = equivalence.judge(0.0, variance, margin=0.05, alpha=0.05)
    assert found.verdict == "undetermined"
    assert math.isnan(found.p_equivalent)


@pytest.mark.parametrize(
    ("k", "verdict"), [(4, "undetermined"), (58, "undetermined"), (59, "equivalent")]
)
def test_two_perfect_models_are_equivalent_from_59_pairs_on(k, verdict):
    """Were the difference 0.05, k pairs would all agree with a probability of at most 0.95^k."""
    found = equivalence.judge(0.0, 0.0, margin=0.05, alpha=0.05, alike=Alike(0.0, k, -1))
    assert found.p_equivalent == pytest.approx(0.95**k)
    assert found.verdict == verdict
    assert (found.low > -0.05) is (verdict == "equivalent")


def test_a_perfect_model_is_not_inferior_to_a_constant_one():
    eight = equivalence.judge(0.5, 0.0, margin=0.05, alpha=0.05, alike=Alike(0.5, 8, -1))
    assert eight.p_non_inferior == pytest.approx((0.95 / 1.5) ** 8)
    assert eight.verdict == "non-inferior"
    assert eight.p_equivalent == 1
    worse = equivalence.judge(-1.0, 0.0, margin=0.05, alpha=0.05, alike=Alike(-1.0, 8, -1))
    assert worse.verdict == "inferior"


def test_perfect_models_on_eight_cases_are_undetermined(predictions):
    of_set = predictions.query("split == 'external'").groupby(["model", "y"]).head(4).copy()
    of_set["probability"] = of_set["probability"] / 9 + 0.5 * of_set["y"]
    row = equivalence.table(of_set, [["deep", "clinical"]], margin=0.05, alpha=0.05).iloc[0]
    assert row["verdict"] == "undetermined"
    assert row["p_equivalent"] == pytest.approx(0.95**4)
    assert "undetermined, since all pairs of cases are alike" in row["statement"]


def test_apparent_predictions_are_not_judged(predictions):
    table = equivalence.table(predictions, [["deep", "clinical"]], margin=0.05, alpha=0.05)
    row = table.query("kind == 'apparent'").iloc[0]
    assert row["verdict"] == "not tested"
    assert row[["low", "high", "p_non_inferior", "p_equivalent"]].isna().all()
    assert "nan" not in row["statement"]


def test_a_senseless_margin_is_refused():
    with pytest.raises(StudyError, match="margin is 0"):
        equivalence.judge(0.1, 0.01, margin=0, alpha=0.05)
    with pytest.raises(StudyError, match="alpha is 5"):
        equivalence.judge(0.1, 0.01, margin=0.05, alpha=5)


def test_the_table_says_it_in_a_sentence(predictions):
    table = equivalence.table(predictions, [["deep", "clinical"]], margin=0.05, alpha=0.05)
    assert list(table.columns) == list(equivalence.COLUMNS)
    assert len(table) == 4
    row = table.query("split == 'external'").iloc[0]
    wide = predictions.query("split == 'external'").pivot_table(
        index=["case_id", "y"], columns="model", values="probability"
    )
    y = wide.index.get_level_values("y")
    ninety = delong.compare_paired(y, wide["deep"], wide["clinical"], confidence=0.9)
    assert (row["low"], row["high"]) == pytest.approx((ninety.low, ninety.high))
    assert f"{row['delta']:+.3f}" in row["statement"]
    assert "margin 0.05" in row["statement"]
