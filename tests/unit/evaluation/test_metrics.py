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
    auc = delong.auc_ci(rows["y"], rows["probability"], confidence=0.9, transform="wilson")
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


def test_every_estimate_has_an_interval(predictions):
    table = metrics.table(predictions, MODELS, prevalence=0.2, resamples=200)
    for name in (*metrics.RATIOS, *metrics.AT_PREVALENCE, "f1", "average_precision", "brier"):
        assert (table[f"{name}_low"] <= table[name]).all(), name
        assert (table[name] <= table[f"{name}_high"]).all(), name
    assert (table["prevalence"] == 0.2).all()
    assert (table["resamples"] == 200).all()


def test_a_row_does_not_depend_on_the_other_rows(predictions):
    all_rows = metrics.table(predictions, MODELS, seed=5)
    alone = metrics.table(predictions.query("split == 'external'"), MODELS, seed=5)
    expected = all_rows.query("split == 'external'").reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected, check_exact=True)


def test_two_cases_of_a_patient_change_the_methods(predictions):
    predictions["patient_id"] = predictions["case_id"].str[:-1]
    table = metrics.table(predictions, MODELS, resamples=200)
    plain = metrics.table(predictions.assign(patient_id=predictions["case_id"]), MODELS)
    assert set(table["auc_method"]) == {"Obuchowski, clustered, Wilson interval"}
    assert set(table["interval_method"]) == {"cluster bootstrap"}
    assert table["auc"].tolist() == plain["auc"].tolist()
    assert (table["auc_low"] != plain["auc_low"]).all()
    assert (table["n_patients"] < table["n"]).all()


@pytest.mark.parametrize("transform", ["none", "logit", "wilson"])
def test_perfect_separation_has_an_exact_interval(predictions, transform):
    deep = predictions["model"] == "deep"
    predictions.loc[deep, "probability"] = 0.2 + 0.6 * predictions.loc[deep, "y"]
    table = metrics.table(predictions, MODELS, transform=transform, resamples=20)
    row = table.query("model == 'deep' and split == 'external'").iloc[0]
    assert (row["auc"], row["auc_high"]) == (1, 1)
    assert row["auc_low"] == pytest.approx(0.025 ** (1 / 10))
    assert row["auc_method"] == "DeLong, exact interval"


def test_one_positive_case_has_no_interval_unless_it_is_ranked_first(predictions):
    one = predictions.query("split == 'external'")
    keep = (one["y"] == 0) | (one["case_id"] == one.loc[one["y"] == 1, "case_id"].min())
    one = one[keep].copy()
    first = one["model"] == "deep"
    one.loc[first, "probability"] = 0.2 + 0.6 * one.loc[first, "y"]
    others = one.index[(one["model"] == "clinical") & (one["y"] == 1)]
    one.loc[others, "probability"] = one.loc[one["model"] == "clinical", "probability"].median()
    table = metrics.table(one, MODELS, resamples=20).set_index("model")
    assert (table.loc["deep", "auc_low"], table.loc["deep", "auc_high"]) == pytest.approx(
        (0.025, 1)
    )
    assert table.loc["clinical", ["auc_low", "auc_high"]].isna().all()
    assert "interval undetermined" in table.loc["clinical", "auc_method"]


@pytest.mark.parametrize(
    ("transform", "name"),
    [
        ("none", "DeLong"),
        ("logit", "DeLong, logit interval"),
        ("wilson", "DeLong, Wilson interval"),
    ],
)
def test_the_interval_is_named(predictions, transform, name):
    row = metrics.table(predictions, MODELS, transform=transform, resamples=20).iloc[0]
    assert row["auc_method"] == name
