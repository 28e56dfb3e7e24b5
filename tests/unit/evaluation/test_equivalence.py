import math

import pytest
from scipy import stats

from microcalc.errors import StudyError
from microcalc.evaluation import delong, equivalence


@pytest.mark.parametrize(
    ("delta", "verdict"),
    [(0.0, "equivalent"), (0.06, "non-inferior"), (-0.04, "not shown"), (-0.12, "inferior")],
)
def test_verdicts(delta, verdict):
    found = equivalence.judge(delta, 0.02**2, margin=0.05)
    assert found.verdict == verdict


def test_p_values_are_two_one_sided_normal_tests():
    found = equivalence.judge(0.01, 0.02**2, margin=0.05)
    lower, upper = stats.norm.sf(0.06 / 0.02), stats.norm.sf(0.04 / 0.02)
    assert found.p_non_inferior == pytest.approx(lower)
    assert found.p_equivalent == pytest.approx(upper)


@pytest.mark.parametrize("delta", [-0.0171, -0.0170, 0.0170, 0.0171])
def test_the_test_and_the_interval_agree(delta):
    found = equivalence.judge(delta, 0.02**2, margin=0.05)
    inside = abs(found.low) < 0.05 > abs(found.high)
    assert (found.verdict == "equivalent") is inside


def test_identical_scores_are_equivalent():
    assert equivalence.judge(0.0, 0.0, margin=0.01).verdict == "equivalent"


def test_no_variance_is_no_verdict():
    assert equivalence.judge(0.1, math.nan, margin=0.05).verdict == "undefined"


def test_a_senseless_margin_is_refused():
    with pytest.raises(StudyError, match="margin is 0"):
        equivalence.judge(0.1, 0.01, margin=0)
    with pytest.raises(StudyError, match="alpha is 5"):
        equivalence.judge(0.1, 0.01, margin=0.05, alpha=5)


def test_the_table_says_it_in_a_sentence(predictions):
    table = equivalence.table(predictions, [["deep", "clinical"]], margin=0.05)
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
