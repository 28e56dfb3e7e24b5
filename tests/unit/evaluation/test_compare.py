import pandas as pd
import pytest

from microcalc.errors import StudyError
from microcalc.evaluation import compare, delong
from microcalc.evaluation.multiplicity import holm


@pytest.fixture
def three(predictions):
    third = predictions[predictions["model"] == "deep"].assign(model="combined")
    third["probability"] = third["probability"] ** 2
    return pd.concat([predictions, third], ignore_index=True)


FAMILY = [["deep", "clinical"], ["combined", "clinical"], ["combined", "deep"]]


def test_each_pair_on_each_set(three):
    table = compare.table(three, FAMILY)
    assert list(table.columns) == list(compare.COLUMNS)
    assert len(table) == 12
    row = table.query("split == 'internal' and model_a == 'deep'").iloc[0]
    wide = three.query("split == 'internal'").pivot_table(
        index=["case_id", "y"], columns="model", values="probability"
    )
    test = delong.compare_paired(wide.index.get_level_values("y"), wide["deep"], wide["clinical"])
    assert (row["delta"], row["z"], row["p"]) == (test.delta, test.z, test.p_value)
    assert (row["n_pos"], row["n_neg"]) == (16, 8)


def test_equal_ranking_is_no_difference(three):
    same = compare.table(three, FAMILY).query("model_a == 'combined' and model_b == 'deep'")
    assert same["p"].tolist() == [1.0] * 4


def test_holm_within_each_set(three):
    table = compare.table(three, FAMILY)
    for _, rows in table.groupby(["split", "kind"]):
        assert rows["p_holm"].tolist() == holm(rows["p"]).tolist()


def test_only_common_cases_count(three):
    absent = (three["model"] == "deep") & (three["case_id"] == "external000")
    row = compare.table(three[~absent], FAMILY).query("split == 'external'").iloc[0]
    assert row["n_pos"] + row["n_neg"] == 29


def test_one_class_leaves_the_test_empty(three):
    keep = (three["split"] != "external") | (three["y"] == 1)
    rows = compare.table(three[keep], FAMILY).query("split == 'external'")
    assert rows["p"].isna().all()
    assert set(rows["method"]) == {"undefined: one class"}


def test_a_pair_without_predictions_is_refused(three):
    with pytest.raises(StudyError, match="no predictions of radiologist"):
        compare.table(three, [["deep", "radiologist"]])


def test_models_that_disagree_on_the_label_are_refused(three):
    at = three.query("model == 'deep' and split == 'external'").index[0]
    three.loc[at, "y"] = 1 - three.loc[at, "y"]
    with pytest.raises(StudyError, match="disagree on the label of case external000"):
        compare.table(three, FAMILY)


def test_no_comparisons_make_an_empty_table(predictions):
    assert list(compare.table(predictions, []).columns) == list(compare.COLUMNS)


def test_two_cases_of_a_patient_change_the_method(three):
    three["patient_id"] = three["case_id"].str[:-1]
    table = compare.table(three, FAMILY)
    assert set(table["method"]) == {"Obuchowski, paired, clustered"}
