import pandas as pd
import pytest

from microcalc.errors import StudyError
from microcalc.evaluation import delong, metrics
from microcalc.evaluation.proportions import wilson

MODELS = {"deep": {"threshold": 0.5}, "clinical": {"threshold": 0.4}}


def test_one_row_per_model_and_set(predictions):
    table = metrics.table(predictions, MODELS)
    assert list(table.columns) == list(metrics.COLUMNS)
    sets = ["train/apparent", "train/out_of_fold", "internal/held_out", "external/held_out"]
    found = table["model"] + "/" + table["split"] + "/" + table["kind"]
    assert found.tolist() == [f"{model}/{s}" for model in MODELS for s in sets]


def test_the_numbers_are_those_of_the_rows_of_that_set(predictions):
    table = metrics.table(predictions, MODELS, confidence=0.9)
    row = table.query("model == 'clinical' and split == 'external'").iloc[0]
    rows = predictions.query("model == 'clinical' and split == 'external'")
    called, y = rows["probability"] >= 0.4, rows["y"] == 1
    auc = delong.auc_ci(rows["y"], rows["probability"], confidence=0.9)
    assert (row["auc"], row["auc_low"], row["auc_high"]) == (auc.auc, auc.low, auc.high)
    assert (row["n"], row["n_pos"], row["n_neg"]) == (30, 20, 10)
    ppv = wilson(int((called & y).sum()), int(called.sum()), confidence=0.9)
    assert (row["ppv"], row["ppv_low"], row["ppv_high"]) == (ppv.estimate, ppv.low, ppv.high)
    assert row["accuracy"] == pytest.approx((called == y).mean())
    assert row["brier"] == pytest.approx(((rows["probability"] - y) ** 2).mean())
    assert row["threshold"] == 0.4


def test_a_set_of_one_class_keeps_what_is_defined(predictions):
    keep = (predictions["split"] != "external") | (predictions["y"] == 1)
    row = metrics.table(predictions[keep], MODELS).query("split == 'external'").iloc[0]
    assert pd.isna(row["auc"])
    assert row["auc_method"] == "undefined: one class"
    assert pd.isna(row["specificity"])
    assert 0 < row["sensitivity"] <= 1
    assert (row["n_pos"], row["n_neg"]) == (20, 0)


def test_ppv_without_positive_calls_is_empty(predictions):
    high = {name: {"threshold": 1.0} for name in MODELS}
    table = metrics.table(predictions, high)
    assert table["ppv"].isna().all()
    assert (table["specificity"] == 1).all()


def test_the_order_of_the_rows_does_not_matter(predictions):
    shuffled = predictions.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(
        metrics.table(predictions, MODELS), metrics.table(shuffled, MODELS), check_exact=True
    )


def test_predictions_of_an_unknown_model_are_refused(predictions):
    with pytest.raises(StudyError, match="predictions of deep, but the frozen models are clinical"):
        metrics.table(predictions, {"clinical": {"threshold": 0.5}})
