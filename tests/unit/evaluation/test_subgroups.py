import numpy as np
import pandas as pd
import pytest
from scipy import stats

from microcalc.core.errors import StudyError
from microcalc.evaluation import subgroups
from microcalc.statistics import delong

HOW = {"min_per_class": 10, "confidence": 0.95, "transform": "wilson"}


def tabulate(rows, cases, columns, **changes):
    return subgroups.table(rows, cases, columns, **HOW | changes)


@pytest.fixture
def study(oracle):
    """Return the aSAH patients as external predictions of one marker, and their table."""
    data = oracle.data("aSAH")
    ids = [f"c{i:03d}" for i in range(len(data))]
    rows = pd.DataFrame(
        {
            "case_id": ids,
            "patient_id": ids,
            "center": "B",
            "split": "external",
            "y": data["y"],
            "model": "s100b",
            "kind": "held_out",
            "probability": data["s100b"] / 3,
        }
    )
    return rows, data.assign(case_id=ids)


def test_two_groups_differ_as_in_delongs_unpaired_test(oracle, study):
    rows, cases = study
    table = tabulate(rows, cases, {"gender": None})
    assert list(table.columns) == list(subgroups.COLUMNS)
    expected = oracle("delong_aSAH")["unpaired_by_gender"]["s100b"]
    assert table["group"].tolist() == ["Female", "Male"]
    assert table["auc"].tolist() == pytest.approx([expected["auc2"], expected["auc1"]], abs=1e-12)
    first = table.iloc[0]
    assert first["q"] == pytest.approx(expected["D"] ** 2, abs=1e-9)
    assert first["p_interaction"] == pytest.approx(2 * stats.norm.sf(expected["D"]), abs=1e-9)
    assert pd.isna(table.iloc[1]["p_interaction"])
    assert first["method"] == "DeLong, Wilson interval; Cochran's Q"


def test_cut_points_make_ordered_groups(study):
    rows, cases = study
    table = tabulate(rows, cases, {"age": [45, 60]}, min_per_class=5)
    assert table["group"].tolist() == ["< 45", "45 to < 60", "≥ 60"]
    middle = cases[(cases["age"] >= 45) & (cases["age"] < 60)]
    row = table.iloc[1]
    assert (row["n"], row["n_pos"]) == (len(middle), middle["y"].sum())
    expected = delong.auc_ci(middle["y"], middle["s100b"], transform="wilson")
    assert (row["auc"], row["low"]) == pytest.approx((expected.auc, expected.low))
    assert row["df"] != row["df"]
    assert table.iloc[0]["df"] == 2


def test_small_groups_are_shown_as_too_small(study):
    rows, cases = study
    table = tabulate(rows, cases, {"wfns": None}, min_per_class=10)
    small = table[table["status"] == "too small"]
    assert len(small) > 0
    assert small["auc"].isna().all()
    assert table["n"].sum() == 113
    assert (small[["n_pos", "n_neg"]].min(axis=1) < 10).all()


def test_missing_values_are_a_group_outside_the_test(study):
    rows, cases = study
    cases.loc[:29, "gender"] = None
    table = tabulate(rows, cases, {"gender": None}, min_per_class=3)
    assert table["group"].tolist() == ["Female", "Male", "missing"]
    assert table.iloc[0]["df"] == 1
    assert table.iloc[2]["n"] == 30


def test_patients_in_two_groups_forbid_the_test(study):
    rows, cases = study
    rows["patient_id"] = np.repeat([f"p{i}" for i in range(57)], 2)[:113]
    table = tabulate(rows, cases, {"gender": None})
    assert pd.isna(table["p_interaction"]).all()
    assert "patients with cases in two groups" in table.iloc[0]["method"]


def test_text_numbers_are_read_and_others_refused(study):
    rows, cases = study
    text = cases.assign(age=cases["age"].astype(str))
    left = tabulate(rows, text, {"age": [50]})
    pd.testing.assert_frame_equal(left, tabulate(rows, cases, {"age": [50]}))
    with pytest.raises(StudyError, match=r"case c000: gender is 'Female'; cut points need"):
        tabulate(rows, cases, {"gender": [50]})


def test_what_does_not_fit_is_refused(study):
    rows, cases = study
    with pytest.raises(StudyError, match="no column 'density'"):
        tabulate(rows, cases, {"density": None})
    with pytest.raises(StudyError, match="the cut points are 60, 50; expected rising"):
        tabulate(rows, cases, {"age": [60, 50]})
    with pytest.raises(StudyError, match="case c000 has a prediction but no row"):
        tabulate(rows, cases.iloc[1:], {"gender": None})


def test_a_group_without_variance_is_shown_but_not_tested(study):
    rows, cases = study
    men = (cases["gender"] == "Male").to_numpy()
    rows.loc[men, "probability"] = rows.loc[men, "y"].astype(float)
    table = tabulate(rows, cases, {"gender": None})
    assert (table.iloc[1]["auc"], table.iloc[1]["high"]) == (1, 1)
    pairs = min(table.iloc[1][["n_pos", "n_neg"]])
    assert table.iloc[1]["low"] == pytest.approx(0.025 ** (1 / pairs))
    assert pd.isna(table.iloc[0]["p_interaction"])
    assert "no variance" in table.iloc[0]["method"]


def test_a_group_whose_variance_cannot_be_estimated_is_undetermined():
    """What a patient's positive case adds to the AUC, the negative one takes away: variance 0."""
    rows = pd.DataFrame(
        {
            "case_id": list("abcdef"), "patient_id": list("aabbcc"), "center": "B",
            "split": "external", "y": [1, 0] * 3, "model": "deep", "kind": "held_out",
            "probability": [0.3, 0.4, 0.5, 0.6, 0.1, 0.2],
        }
    )  # fmt: skip
    cases = rows[["case_id"]].assign(site="left")
    row = tabulate(rows, cases, {"site": None}, min_per_class=2).iloc[0]
    assert row["status"] == "undetermined"
    assert row[["auc", "low", "high", "p_interaction"]].isna().all()
    assert "no variance can be estimated" in row["method"]
