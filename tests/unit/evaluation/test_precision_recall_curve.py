import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score
from sklearn.metrics import precision_recall_curve as their_curve

from microcalc.core.errors import StudyError
from microcalc.core.seeds import stream
from microcalc.evaluation import precision_recall_curve
from microcalc.statistics import precision_recall
from microcalc.statistics.proportions import of_cases, wilson


@pytest.mark.parametrize("marker", ["wfns", "s100b", "ndka"])
def test_average_precision_is_that_of_scikit_learn(oracle, marker):
    data = oracle.data("aSAH")
    found = precision_recall.average_precision(data["y"], data[marker])
    assert found == pytest.approx(average_precision_score(data["y"], data[marker]), abs=1e-14)


def test_no_positive_case_is_refused():
    with pytest.raises(StudyError, match="no positive case"):
        precision_recall.average_precision([0, 0], [1, 2])


def test_bootstrap_weights_stand_for_repeated_cases():
    rng = np.random.default_rng(4)
    y, score = rng.integers(0, 2, 30) == 1, rng.integers(0, 9, 30).astype(float)
    weights = rng.integers(0, 4, (5, 30))
    ranking = precision_recall.Ranking.of(y, score)
    found = precision_recall._average_precision(weights[:, ranking.order], ranking)
    for value, row in zip(found, weights, strict=True):
        repeated = average_precision_score(np.repeat(y, row), np.repeat(score, row))
        assert value == pytest.approx(repeated, abs=1e-14)


def test_interval_contains_the_estimate_and_repeats(oracle):
    data = oracle.data("aSAH")
    runs = [
        precision_recall.average_precision_ci(
            data["y"], data["s100b"], np.arange(113), rng=stream(1, "ap"), resamples=300
        )
        for _ in range(2)
    ]
    estimate, low, high = runs[0]
    assert low < estimate < high
    assert runs[0] == runs[1]


def test_the_curve_is_that_of_scikit_learn(predictions):
    table = precision_recall_curve.curve(predictions, confidence=0.95)
    rows = predictions.query("model == 'deep' and split == 'external'")
    found = table.query("model == 'deep' and split == 'external'")
    precision, recall, thresholds = their_curve(rows["y"], rows["probability"])
    assert found["precision"].tolist() == pytest.approx(precision[:-1][::-1])
    assert found["recall"].tolist() == pytest.approx(recall[:-1][::-1])
    assert found["threshold"].tolist() == thresholds[::-1].tolist()
    assert list(table.columns) == list(precision_recall_curve.CURVE_COLUMNS)


def test_intervals_of_the_curve_are_wilsons_or_by_patient(predictions):
    table = precision_recall_curve.curve(predictions, confidence=0.95)
    row = table.iloc[10]
    share = wilson(round(row["precision"] * row["n_called"]), row["n_called"])
    assert (row["precision_low"], row["precision_high"]) == (share.low, share.high)
    share = wilson(round(row["recall"] * row["n_pos"]), row["n_pos"])
    assert (row["recall_low"], row["recall_high"]) == (share.low, share.high)
    doubled = pd.concat([predictions, predictions.assign(case_id="x" + predictions["case_id"])])
    both = precision_recall_curve.curve(doubled, confidence=0.95)
    assert set(both["method"]) == {"Wilson, effective sample size"}
    np.testing.assert_allclose(both["precision"], table["precision"])
    # Twice the same patients tell no more.
    for name in ("recall", "precision"):
        wide = [t[f"{name}_high"] - t[f"{name}_low"] for t in (table, both)]
        assert (wide[1] >= wide[0]).all()
        assert wide[1].median() == pytest.approx(wide[0].median(), rel=0.25)


def test_the_curves_limits_are_those_of_the_cases_called(predictions):
    part = predictions.query("split == 'external' and model == 'deep'").copy()
    part["patient_id"] = part["case_id"].str[:-1] + (part["case_id"].str[-1] > "6").astype(str)
    table = precision_recall_curve.curve(part, confidence=0.95)
    for _, row in table.iterrows():
        called = part[part["probability"] >= row["threshold"]]
        share = of_cases(called["y"], called["patient_id"])
        assert (row["precision_low"], row["precision_high"]) == (share.low, share.high)
        positive = part[part["y"] == 1]
        share = of_cases(positive["probability"] >= row["threshold"], positive["patient_id"])
        assert (row["recall_low"], row["recall_high"]) == pytest.approx((share.low, share.high))
        assert row["recall_low"] < row["recall_high"]
