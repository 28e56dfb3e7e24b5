import pandas as pd
import pytest

from microcalc.core.errors import StudyError
from microcalc.evaluation import metrics
from microcalc.statistics import delong
from microcalc.statistics.proportions import wilson

MODELS = {"deep": {"threshold": 0.5}, "clinical": {"threshold": 0.4}}
HOW = {
    **{"confidence": 0.95, "transform": "wilson", "resamples": 2000},
    **{"seed": 0, "prevalence": None},
}


def tabulate(rows, models, **changes):
    return metrics.table(rows, models, **HOW | changes)


def test_one_row_per_model_and_set(predictions):
    table = tabulate(predictions, MODELS)
    assert list(table.columns) == list(metrics.COLUMNS)
    sets = ["train/apparent", "train/out_of_fold", "internal/held_out", "external/held_out"]
    found = table["model"] + "/" + table["split"] + "/" + table["kind"]
    assert found.tolist() == [f"{model}/{s}" for model in MODELS for s in sets]


def test_the_numbers_are_those_of_the_rows_of_that_set(predictions):
    table = tabulate(predictions, MODELS, confidence=0.9)
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
    row = tabulate(predictions[keep], MODELS).query("split == 'external'").iloc[0]
    assert pd.isna(row["auc"])
    assert row["auc_method"] == "undefined: one class"
    assert pd.isna(row["specificity"])
    assert 0 < row["sensitivity"] <= 1
    assert (row["n_pos"], row["n_neg"]) == (20, 0)


def test_ppv_without_positive_calls_is_empty(predictions):
    high = {name: {"threshold": 1.0} for name in MODELS}
    table = tabulate(predictions, high)
    assert table["ppv"].isna().all()
    assert (table["specificity"] == 1).all()


def test_the_order_of_the_rows_does_not_matter(predictions):
    shuffled = predictions.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(
        tabulate(predictions, MODELS), tabulate(shuffled, MODELS), check_exact=True
    )


def test_predictions_of_an_unknown_model_are_refused(predictions):
    with pytest.raises(StudyError, match="predictions of deep, but the frozen models are clinical"):
        tabulate(predictions, {"clinical": {"threshold": 0.5}})


def test_every_estimate_has_an_interval(predictions):
    table = tabulate(predictions, MODELS, prevalence=0.2, resamples=200)
    for name in (*metrics.RATIOS, *metrics.AT_PREVALENCE, "f1", "average_precision", "brier"):
        assert (table[f"{name}_low"] <= table[name]).all(), name
        assert (table[name] <= table[f"{name}_high"]).all(), name
    assert (table["prevalence"] == 0.2).all()
    assert (table["resamples"] == 200).all()


def test_a_row_does_not_depend_on_the_other_rows(predictions):
    all_rows = tabulate(predictions, MODELS, seed=5)
    alone = tabulate(predictions.query("split == 'external'"), MODELS, seed=5)
    expected = all_rows.query("split == 'external'").reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected, check_exact=True)


def test_two_cases_of_a_patient_change_the_methods(predictions):
    predictions["patient_id"] = predictions["case_id"].str[:-1]
    table = tabulate(predictions, MODELS, resamples=200)
    plain = tabulate(predictions.assign(patient_id=predictions["case_id"]), MODELS)
    assert set(table["auc_method"]) == {"Obuchowski, clustered, Wilson interval"}
    method = "Wilson, effective sample size; cluster bootstrap where no proportion"
    assert set(table["interval_method"]) == {method}
    assert table["auc"].tolist() == plain["auc"].tolist()
    assert (table["auc_low"] != plain["auc_low"]).all()
    assert (table["n_patients"] < table["n"]).all()


@pytest.mark.parametrize("transform", ["none", "logit", "wilson"])
def test_perfect_separation_has_an_exact_interval(predictions, transform):
    deep = predictions["model"] == "deep"
    predictions.loc[deep, "probability"] = 0.2 + 0.6 * predictions.loc[deep, "y"]
    table = tabulate(predictions, MODELS, transform=transform, resamples=20)
    row = table.query("model == 'deep' and split == 'external'").iloc[0]
    assert (row["auc"], row["auc_high"]) == (1, 1)
    assert row["auc_low"] == pytest.approx(0.025 ** (1 / 10))
    assert row["auc_method"] == "DeLong, exact interval"


def rows(y, p, patients):
    n = len(y)
    return pd.DataFrame(
        {
            "case_id": [f"C{i:02d}" for i in range(n)], "patient_id": patients, "center": "A",
            "split": "external", "y": y, "model": "deep", "kind": "held_out", "probability": p,
        }
    )  # fmt: skip


def measured(y, p, patients, threshold=0.5):
    table = tabulate(
        rows(y, p, patients), {"deep": {"threshold": threshold}}, prevalence=0.2, resamples=200
    )
    return table.iloc[0]


def widths(row):
    names = (*metrics.PROPORTIONS, *metrics.BOOTSTRAPPED)
    return {name: row[f"{name}_high"] - row[f"{name}_low"] for name in names}


@pytest.mark.parametrize(
    ("y", "p"),
    [
        ([1] * 20 + [0] * 20, [0.9] * 20 + [0.1] * 20),
        ([1] * 20 + [0] * 20, [0.1] * 20 + [0.9] * 20),
        ([1] * 20 + [0] * 20, [1.0] * 20 + [0.0] * 20),
        ([1] * 20 + [0] * 20, [0.9] * 20 + [0.9, 0.1] * 10),
        ([1] * 20 + [0] * 20, [0.1] * 40),
        ([1] * 20, [0.9] * 20),
        ([0] * 20, [0.9] * 10 + [0.1] * 10),
    ],
)
@pytest.mark.parametrize("repeated", ["nobody", "one patient", "both classes", "all one patient"])
def test_no_interval_is_without_width(y, p, repeated):
    patients = [f"P{i:02d}" for i in range(len(y))]
    if repeated == "one patient":
        patients[1] = patients[0]
    elif repeated == "both classes":
        patients = [f"P{i % 20:02d}" for i in range(len(y))]
    elif repeated == "all one patient":
        patients = ["P"] * len(y)
    row = measured(y, p, patients)
    for name, width in widths(row).items():
        assert not width <= 0, name
        if pd.isna(width) and not pd.isna(row[name]):
            assert name in row["interval_method"].split("undetermined: ")[1]
    for name in metrics.PROPORTIONS:
        assert pd.isna(row[name]) == pd.isna(row[f"{name}_low"])


def test_one_patient_with_two_lesions_changes_the_interval_by_a_little():
    y, p = (
        [1] * 20 + [0] * 20,
        [0.6 + i / 70 for i in range(20)] + [0.1 + i / 32 for i in range(20)],
    )
    patients = [f"P{i:02d}" for i in range(40)]
    alone = measured(y, p, patients)
    two = measured(y, p, ["P00", "P00", *patients[2:]])
    assert (alone["sensitivity_low"], alone["sensitivity_high"]) == (wilson(20, 20).low, 1)
    size = 400 / 22
    assert two["sensitivity_low"] == pytest.approx(size / (size + 1.959963984540054**2))
    assert two["sensitivity_high"] == 1
    # the negatives are of one patient each
    assert two["specificity_low"] == alone["specificity_low"] == wilson(13, 20).low
    assert two["interval_method"] == (
        "Wilson, effective sample size; cluster bootstrap where no proportion; "
        "from the limits of proportions: balanced_accuracy, lr_pos, lr_neg, "
        "ppv_at_prevalence, npv_at_prevalence"
    )


def test_where_a_bootstrap_cannot_tell_it_is_said():
    row = measured([1] * 20 + [0] * 20, [1.0] * 20 + [0.0] * 20, range(40))
    assert row["interval_method"].endswith("; undetermined: average_precision, brier")
    assert (row["brier"], row["average_precision"]) == (0, 1)
    assert pd.isna(row["brier_high"])
    assert pd.isna(row["average_precision_low"])
    assert row["f1_low"] == pytest.approx(2 * 0.838875 / 1.838875, abs=1e-6)


def test_one_positive_case_has_no_interval_unless_it_is_ranked_first(predictions):
    one = predictions.query("split == 'external'")
    keep = (one["y"] == 0) | (one["case_id"] == one.loc[one["y"] == 1, "case_id"].min())
    one = one[keep].copy()
    first = one["model"] == "deep"
    one.loc[first, "probability"] = 0.2 + 0.6 * one.loc[first, "y"]
    others = one.index[(one["model"] == "clinical") & (one["y"] == 1)]
    one.loc[others, "probability"] = one.loc[one["model"] == "clinical", "probability"].median()
    table = tabulate(one, MODELS, resamples=20).set_index("model")
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
    row = tabulate(predictions, MODELS, transform=transform, resamples=20).iloc[0]
    assert row["auc_method"] == name
