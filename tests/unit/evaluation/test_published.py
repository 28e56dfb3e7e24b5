import math

import pytest

from microcalc.core.errors import StudyError
from microcalc.evaluation import metrics, published

MODELS = {"deep": {"threshold": 0.5}, "clinical": {"threshold": 0.4}}


def test_a_number_stands_beside_this_runs(predictions):
    measured = metrics.table(predictions, MODELS)
    paper = {"sets": {"external": {"clinical": {"auc": 0.67, "sensitivity": 0.0}}}}
    table = published.compare(measured, paper)
    assert table["metric"].tolist() == ["auc", "sensitivity"]
    own = measured.query("model == 'clinical' and split == 'external'").iloc[0]
    row = table.iloc[0]
    assert (row["estimate"], row["low"], row["high"]) == tuple(own[["auc", "auc_low", "auc_high"]])
    assert row["difference"] == own["auc"] - 0.67
    assert table["inside_interval"].tolist() == [
        "yes" if own["auc_low"] <= 0.67 <= own["auc_high"] else "no",
        "no",
    ]
    assert row["n"] == 30


def test_a_training_number_stands_beside_both_kinds(predictions):
    measured = metrics.table(predictions, MODELS)
    table = published.compare(measured, {"sets": {"train": {"deep": {"auc": 0.99}}}})
    assert table["kind"].tolist() == ["apparent", "out_of_fold"]


def test_a_model_this_run_lacks_has_no_estimate(predictions):
    measured = metrics.table(predictions, MODELS)
    row = published.compare(measured, {"sets": {"train": {"radiologist": {"auc": 0.9}}}}).iloc[0]
    assert math.isnan(row["estimate"])
    assert row["published"] == 0.9


def test_without_a_paper_the_table_is_empty(predictions):
    measured = metrics.table(predictions, MODELS)
    assert list(published.compare(measured, None).columns) == list(published.COLUMNS)


def test_an_unknown_metric_is_refused(predictions):
    measured = metrics.table(predictions, MODELS)
    with pytest.raises(StudyError, match=r"published.sets.train.deep.acc: not a metric"):
        published.compare(measured, {"sets": {"train": {"deep": {"acc": 0.9}}}})
