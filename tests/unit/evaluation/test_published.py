import math
from typing import get_args

from tests.unit.evaluation.test_metrics import MODELS, tabulate

from microcalc.config.evaluation_settings import Metric, PublishedSettings
from microcalc.evaluation import metrics, published


def paper(**sets):
    return PublishedSettings(citation="A study", sets=sets)


def test_a_number_stands_beside_this_runs(predictions):
    measured = tabulate(predictions, MODELS)
    said = paper(external={"clinical": {"auc": 0.67, "sensitivity": 0.0}})
    table = published.compare(measured, said)
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
    measured = tabulate(predictions, MODELS)
    table = published.compare(measured, paper(train={"deep": {"auc": 0.99}}))
    assert table["kind"].tolist() == ["apparent", "out_of_fold"]


def test_a_model_this_run_lacks_has_no_estimate(predictions):
    measured = tabulate(predictions, MODELS)
    row = published.compare(measured, paper(train={"radiologist": {"auc": 0.9}})).iloc[0]
    assert math.isnan(row["estimate"])
    assert row["published"] == 0.9


def test_without_a_paper_the_table_is_empty(predictions):
    measured = tabulate(predictions, MODELS)
    assert list(published.compare(measured, None).columns) == list(published.COLUMNS)


def test_what_the_config_lets_a_paper_say_is_measured_here():
    assert set(get_args(Metric)) <= set(metrics.COLUMNS)
