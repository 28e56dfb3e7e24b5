import numpy as np
import pandas as pd
import pytest

from microcalc.core.errors import StudyError
from microcalc.evaluation import compare
from microcalc.statistics import delong
from microcalc.statistics.multiplicity import holm


@pytest.fixture
def three(predictions):
    third = predictions[predictions["model"] == "deep"].assign(model="combined")
    third["probability"] = third["probability"] ** 2
    return pd.concat([predictions, third], ignore_index=True)


FAMILY = [["deep", "clinical"], ["combined", "clinical"], ["combined", "deep"]]


def test_each_pair_on_each_set(three):
    table = compare.table(three, FAMILY, confidence=0.95)
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
    same = compare.table(three, FAMILY, confidence=0.95).query(
        "model_a == 'combined' and model_b == 'deep'"
    )
    tested = same[same["kind"] != "apparent"]
    assert tested["p"].tolist() == [1.0] * 3
    assert tested["z"].tolist() == [0.0] * 3
    # 10 disjoint pairs in the external set: the exact bound of a difference that none shows
    external = tested.iloc[2]
    reach = 1 - 0.025 ** (1 / 10)
    assert (external["delta_low"], external["delta_high"]) == pytest.approx((-reach, reach))
    assert external["method"] == "exact, 10 disjoint pairs of cases, all alike"


def test_apparent_rows_have_a_difference_and_no_test(three):
    table = compare.table(three, FAMILY, confidence=0.95)
    apparent = table[table["kind"] == "apparent"]
    assert set(apparent["method"]) == {compare.NOT_TESTED}
    assert apparent[["z", "p", "p_holm", "delta_low", "delta_high"]].isna().all(axis=None)
    assert apparent[["delta", "auc_a", "auc_b", "n_pos"]].notna().all(axis=None)
    assert table.loc[table["kind"] != "apparent", "p_holm"].notna().all()


def scored(y, **scores):
    """Return external predictions of these scores, a patient per case."""
    ids = [f"C{i:03d}" for i in range(len(y))]
    shared = {"case_id": ids, "patient_id": ids, "center": "A", "split": "external"}
    return pd.concat(
        [
            pd.DataFrame({**shared, "kind": "held_out", "model": name, "y": y, "probability": p})
            for name, p in scores.items()
        ]
    )


@pytest.mark.parametrize("k", [3, 20])
@pytest.mark.parametrize(
    ("a", "b", "delta"),
    [("perfect", "constant", 0.5), ("perfect", "inverted", 1), ("constant", "inverted", 0.5)],
)
def test_a_difference_without_variance_has_an_exact_p_value(k, a, b, delta):
    y = np.repeat([1, 0], k)
    rows = scored(y, perfect=0.2 + 0.6 * y, constant=0.5, inverted=0.8 - 0.6 * y)
    for pair, sign in (([a, b], 1), ([b, a], -1)):
        row = compare.table(rows, [pair], confidence=0.95).iloc[0]
        assert row["delta"] == sign * delta
        # Markov: each pair reaches the difference with at most 1 / (1 + delta) were there none
        assert row["p"] == pytest.approx(min(1, 2 / (1 + delta) ** k))
        assert row["p_holm"] == row["p"] > 0
        assert pd.isna(row["z"])
        assert row["delta_low"] <= row["delta"] <= row["delta_high"]
        assert row["delta_low"] < row["delta_high"]


def test_holm_counts_the_comparisons_that_have_a_test():
    """One positive case: identical scores have an exact test, others none."""
    rows = scored(
        [1, 0, 0, 0], A=[0.5, 0.2, 0.6, 0.7], B=[0.5, 0.2, 0.6, 0.7], C=[0.6, 0.5, 0.7, 0]
    )
    table = compare.table(rows, [["A", "B"], ["A", "C"]], confidence=0.95)
    assert table["p"].isna().tolist() == [False, True]
    assert table["p_holm"].tolist()[0] == 1
    assert table["method"].tolist()[1].startswith("undetermined: ")


def test_patients_with_two_cases_make_fewer_pairs():
    y = np.repeat([1, 0], 4)
    rows = scored(y, A=0.2 + 0.6 * y, B=0.3 + 0.3 * y)
    rows["patient_id"] = ["a", "a", "b", "b", "c", "d", "e", "f"] * 2
    row = compare.table(rows, [["A", "B"]], confidence=0.95).iloc[0]
    assert row["method"] == "exact, 2 disjoint pairs of cases, all alike"
    assert row["delta_high"] == pytest.approx(1 - 0.025 ** (1 / 2))


def test_holm_within_each_set(three):
    table = compare.table(three, FAMILY, confidence=0.95)
    for _, rows in table.groupby(["split", "kind"]):
        assert rows["p_holm"].tolist() == pytest.approx(holm(rows["p"]), nan_ok=True)


def test_only_common_cases_count(three):
    absent = (three["model"] == "deep") & (three["case_id"] == "external000")
    row = (
        compare.table(three[~absent], FAMILY, confidence=0.95).query("split == 'external'").iloc[0]
    )
    assert row["n_pos"] + row["n_neg"] == 29


def test_one_class_leaves_the_test_empty(three):
    keep = (three["split"] != "external") | (three["y"] == 1)
    rows = compare.table(three[keep], FAMILY, confidence=0.95).query("split == 'external'")
    assert rows["p"].isna().all()
    assert set(rows["method"]) == {"undefined: one class"}


def test_a_pair_without_predictions_is_refused(three):
    with pytest.raises(StudyError, match="no predictions of radiologist"):
        compare.table(three, [["deep", "radiologist"]], confidence=0.95)


def test_models_that_disagree_on_the_label_are_refused(three):
    at = three.query("model == 'deep' and split == 'external'").index[0]
    three.loc[at, "y"] = 1 - three.loc[at, "y"]
    with pytest.raises(StudyError, match="disagree on the label of case external000"):
        compare.table(three, FAMILY, confidence=0.95)


def test_no_comparisons_make_an_empty_table(predictions):
    assert list(compare.table(predictions, [], confidence=0.95).columns) == list(compare.COLUMNS)


def test_two_cases_of_a_patient_change_the_method(three):
    three["patient_id"] = three["case_id"].str[:-1]
    table = compare.table(three, FAMILY[:2], confidence=0.95)
    tested = table[table["kind"] != "apparent"]
    assert set(tested["method"]) == {"Obuchowski, paired, clustered"}
