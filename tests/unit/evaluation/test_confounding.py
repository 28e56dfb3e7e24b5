"""What gives the center or the label away is seen; what does not is not."""

import numpy as np
import pandas as pd
import pytest

from microcalc.evaluation import confounding
from microcalc.statistics import delong

N = 120


@pytest.fixture
def cases():
    rng = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "case_id": [f"C{i:03d}" for i in range(N)],
            "patient_id": [f"P{i // 2:03d}" for i in range(N)],
            "center": np.where(np.arange(N) < 70, "A", "B"),
            "y": rng.integers(2, size=N),
            "n_images": "2",
        }
    )


def features(cases, shift):
    X = np.random.default_rng(3).normal(size=(N, 60))
    X[:, 0] += shift * (cases["center"] == "B")
    table = pd.DataFrame(X, columns=[f"deep_{j:04d}" for j in range(60)])
    table.insert(0, "case_id", cases["case_id"])
    return table


def qc(cases, bits):
    return pd.DataFrame(
        {
            "image_id": cases["case_id"] + "_CC",
            "case_id": cases["case_id"],
            "status": "ok",
            "bits_stored": bits,
            "voi": "window",
        }
    ).sample(frac=1, random_state=1)


def test_a_center_in_the_features_is_told(cases):
    told = confounding.audit(
        cases, {"deep": features(cases, 4.0)}, qc(cases, 12), seed=1, confidence=0.95
    )
    row = told[told["question"] == "which center?"].squeeze()
    assert row["auc"] > 0.9
    assert row["verdict"] == "told"
    assert (row["n_pos"], row["n_neg"]) == (70, 50)
    assert row["method"].endswith("Obuchowski, clustered, Wilson interval")
    untold = confounding.audit(
        cases, {"deep": features(cases, 0.0)}, qc(cases, 12), seed=1, confidence=0.95
    )
    assert untold.loc[untold["question"] == "which center?", "verdict"].tolist() == ["not told"]


def test_a_label_in_the_metadata_is_told(cases):
    bits = np.where(cases["y"] == 1, 14, 12)
    table = confounding.audit(
        cases, {"deep": features(cases, 0.0)}, qc(cases, bits), seed=1, confidence=0.95
    )
    labels = table[table["question"] == "which label?"]
    assert labels["cases"].tolist() == ["all", "center A", "center B"]
    assert (labels["auc"] == 1).all()
    assert labels["statement"].str.startswith("Acquisition metadata alone tell the label").all()


def test_metadata_that_do_not_vary_are_chance(cases):
    table = confounding.audit(
        cases, {"deep": features(cases, 0.0)}, qc(cases, 12), seed=1, confidence=0.95
    )
    labels = table[table["question"] == "which label?"]
    assert (labels["auc"] == 0.5).all()
    assert (labels["low"] < 0.5).all()
    assert labels["method"].str.endswith("exact interval").all()
    assert set(labels["verdict"]) == {"not told"}


def test_few_patients_are_too_few(cases):
    few = cases.assign(center=np.where(np.arange(N) < 6, "B", "A"))
    table = confounding.audit(
        few, {"deep": features(few, 0.0)}, qc(few, 12), seed=1, confidence=0.95
    )
    assert table.set_index("cases").loc["center B", "verdict"] == "too small"
    assert table.set_index("question").loc["which center?", "verdict"] == "too small"


def test_three_centers_are_asked_one_by_one(cases):
    three = cases.assign(center=np.repeat(["A", "B", "C"], 40))
    table = confounding.audit(
        three, {"deep": features(three, 0.0)}, qc(three, 12), seed=1, confidence=0.95
    )
    asked = table.loc[table["question"] == "which center?", "outcome"]
    assert asked.tolist() == ["center A", "center B", "center C"]


def test_scores_come_from_fits_without_the_patient(cases):
    y = cases["y"].to_numpy()
    X = np.eye(N // 2)[np.arange(N) // 2]  # a column per patient: nothing to learn from others
    scores = confounding.cross_validated(X, y, cases["patient_id"], seed=4)
    assert np.ptp(scores) == pytest.approx(0, abs=1e-9)


def test_scores_are_the_same_solved_among_cases_and_among_columns():
    rng = np.random.default_rng(5)
    X = rng.normal(3, [1, 10, 0.1, 1, 1, 1], size=(90, 6))
    X[:, 3] = 7
    y = (X[:, 1] + rng.normal(0, 9, 90) > 3).astype(int)
    few = confounding.cross_validated(X, y, np.arange(90), seed=1)
    wide = np.hstack([X, np.full((90, 90), 2.5)])  # columns that do not vary change nothing
    many = confounding.cross_validated(wide, y, np.arange(90), seed=1)
    np.testing.assert_allclose(few, many, atol=2e-9)
    assert np.ptp(few) > 0.1


def test_a_question_without_a_variance_is_undetermined(cases, monkeypatch):
    nothing = delong.Auc(0.9, np.nan, np.nan, np.nan, 60, 60)
    monkeypatch.setattr(confounding.auc_interval, "estimate", lambda *_, **__: (nothing, "none"))
    table = confounding.audit(
        cases, {"deep": features(cases, 4.0)}, qc(cases, 12), seed=1, confidence=0.95
    )
    assert set(table["verdict"]) == {"undetermined"}
    assert not table["statement"].str.contains("nan").any()
