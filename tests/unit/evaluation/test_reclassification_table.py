import math

import pandas as pd
import pytest

from microcalc.core.errors import StudyError
from microcalc.evaluation import reclassification_table
from microcalc.statistics import reclassification

HOW = {"confidence": 0.95, "resamples": 500, "seed": 0}


@pytest.fixture
def risk(oracle):
    data = oracle.data("risk_400")
    return data["y"], data["p_old"], data["p_new"], data["p_tied"]


def test_continuous_nri_is_that_of_hmisc(oracle, risk):
    y, old, new, _ = risk
    expected = oracle("risk_models")["risk_400"]["improveProb_Hmisc_old_to_new"]
    found = reclassification.continuous_nri(y, old, new)
    assert found.estimate == pytest.approx(expected["nri"], abs=1e-12)
    assert found.error == pytest.approx(expected["se.nri"], abs=1e-12)
    assert found.z == pytest.approx(expected["z.nri"], abs=1e-10)
    assert (found.positives, found.positives_error) == pytest.approx(
        (expected["nri.ev"], expected["se.nri.ev"]), abs=1e-12
    )
    assert (found.negatives, found.negatives_error) == pytest.approx(
        (expected["nri.ne"], expected["se.nri.ne"]), abs=1e-12
    )


def test_idi_is_that_of_hmisc(oracle, risk):
    y, old, new, _ = risk
    expected = oracle("risk_models")["risk_400"]["improveProb_Hmisc_old_to_new"]
    found = reclassification.idi(y, old, new)
    assert found.estimate == pytest.approx(expected["idi"], abs=1e-12)
    assert found.error == pytest.approx(expected["se.idi"], abs=1e-12)
    assert found.positives == pytest.approx(expected["improveSens"], abs=1e-12)
    assert found.negatives == pytest.approx(expected["improveSpec"], abs=1e-12)


@pytest.mark.parametrize("name", ["one_cut_0.5", "cuts_.2_.4", "tied_cuts_.2_.5"])
def test_categorical_nri_is_that_of_r(oracle, risk, name):
    y, old, new, tied = risk
    expected = oracle("risk_models")["risk_400"]["categorical_nri"][name]
    if name.startswith("tied"):
        new = tied
    found = reclassification.categorical_nri(y, old, new, cuts=expected["cuts"])
    assert found.estimate == pytest.approx(expected["nri"], abs=1e-12)
    assert found.positives == pytest.approx(expected["nri_events"], abs=1e-12)
    assert found.negatives == pytest.approx(expected["nri_nonevents"], abs=1e-12)
    assert found.error == pytest.approx(expected["se_full_pencina2011"], abs=1e-12)


def test_the_same_model_improves_nothing(risk):
    y, old, _, _ = risk
    found = reclassification.continuous_nri(y, old, old)
    assert (found.estimate, found.error) == (0, 0)
    assert math.isnan(found.z)


@pytest.mark.parametrize("cuts", [[], [0.4, 0.2], [0, 0.5]])
def test_senseless_cuts_are_refused(risk, cuts):
    y, old, new, _ = risk
    with pytest.raises(StudyError, match="expected rising"):
        reclassification.categorical_nri(y, old, new, cuts=cuts)


def test_the_table_warns_in_every_row(predictions):
    table = reclassification_table.table(predictions, [["deep", "clinical"]], cuts=[0.5], **HOW)
    assert list(table.columns) == list(reclassification_table.COLUMNS)
    assert len(table) == 12
    assert table["caution"].str.contains("judge by AUC").all()
    row = table.query("split == 'external' and measure == 'IDI'").iloc[0]
    wide = predictions.query("split == 'external'").pivot_table(
        index=["case_id", "y"], columns="model", values="probability"
    )
    y = wide.index.get_level_values("y")
    assert row["estimate"] == pytest.approx(
        reclassification.idi(y, wide["clinical"], wide["deep"]).estimate
    )
    assert row["low"] < row["estimate"] < row["high"]


def test_clusters_are_bootstrapped(predictions):
    predictions["patient_id"] = predictions["case_id"].str[:-1]
    rows = predictions.query("split == 'internal'")
    table = reclassification_table.table(
        rows, [["deep", "clinical"]], cuts=[0.5], **HOW | {"resamples": 60}
    )
    assert set(table["method"]) == {"cluster bootstrap"}
    assert table["p"].isna().all()
    assert (table["low"] <= table["estimate"]).all()
    pd.testing.assert_frame_equal(
        table,
        reclassification_table.table(
            rows, [["deep", "clinical"]], cuts=[0.5], **HOW | {"resamples": 60}
        ),
    )


@pytest.mark.parametrize("repeated", [False, True])
def test_models_that_agree_have_no_interval(predictions, repeated):
    deep = predictions.query("model == 'deep' and kind != 'apparent'")
    if repeated:
        deep = deep.assign(patient_id=deep["patient_id"].str[:-1])
    rows = pd.concat([deep, deep.assign(model="same")])
    table = reclassification_table.table(
        rows, [("same", "deep")], cuts=[0.5], **HOW | {"resamples": 30}
    )
    assert (table["estimate"] == 0).all()
    assert table[["low", "high", "positives_low", "negatives_high", "p"]].isna().all().all()
    assert set(table["method"]) == {"undetermined"}


def test_apparent_predictions_have_no_interval_and_no_test(predictions):
    rows = predictions.query("kind == 'apparent'")
    table = reclassification_table.table(rows, [["deep", "clinical"]], cuts=[0.5], **HOW)
    assert table["estimate"].notna().all()
    assert table[["z", "p", "low", "high", "positives_low", "negatives_high"]].isna().all(axis=None)
    assert table["method"].str.startswith("not tested").all()
