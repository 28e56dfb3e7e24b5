import numpy as np
import pytest

from microcalc.core.errors import StudyError
from microcalc.evaluation import decision_curve
from microcalc.statistics import net_benefit

MODELS = ["p_old", "p_new", "p_tied"]
HOW = {"confidence": 0.95, "seed": 0}


def as_predictions(data, models):
    import pandas as pd

    return pd.concat(
        [
            pd.DataFrame(
                {
                    "case_id": [f"c{i:04d}" for i in range(len(data))],
                    "patient_id": [f"p{i:04d}" for i in range(len(data))],
                    "center": "B",
                    "split": "external",
                    "y": data["y"],
                    "model": model,
                    "kind": "held_out",
                    "probability": data[model],
                }
            )
            for model in models
        ],
        ignore_index=True,
    )


@pytest.mark.parametrize("model", MODELS)
def test_net_benefit_is_that_of_dcurves(oracle, model):
    data = oracle.data("risk_400")
    expected = [row for row in oracle("dca_dcurves")["risk_400"] if row["model"] == model]
    found = net_benefit.measure(data["y"], data[model], [row["threshold"] for row in expected])
    # dcurves 1.1.7 acts on p > threshold where a probability ties with it, R's on p ≥ threshold
    tied = np.array([(data[model] == row["threshold"]).any() for row in expected])
    values = np.array([row["net_benefit"] for row in expected])
    assert found[~tied] == pytest.approx(values[~tied], abs=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_the_table_is_that_of_r(oracle, model):
    expected = oracle("risk_models")["risk_400"][model]["dca"]
    at = [row["threshold"] for row in expected]
    rows = as_predictions(oracle.data("risk_400"), [model])
    table = decision_curve.table(rows, thresholds=at, resamples=50, **HOW)
    found = table[table["model"] == model]
    assert found["net_benefit"].tolist() == pytest.approx(
        [row["net_benefit"] for row in expected], abs=1e-12
    )
    assert found["avoided_per_100"].tolist() == pytest.approx(
        [row["interventions_avoided_per100"] for row in expected], abs=1e-8
    )
    everyone = table[table["model"] == "treat_all"]["net_benefit"].tolist()
    assert everyone == pytest.approx([row["net_benefit_all"] for row in expected], abs=1e-12)
    assert (table[table["model"] == "treat_none"]["net_benefit"] == 0).all()
    assert list(table.columns) == list(decision_curve.COLUMNS)


def test_bands_are_those_of_a_plain_bootstrap(oracle):
    data = oracle.data("risk_400")
    rows = as_predictions(data, ["p_new"])
    table = decision_curve.table(rows, thresholds=[0.2, 0.4], resamples=4000, **HOW)
    found = table.query("model == 'p_new'")
    rng = np.random.default_rng(3)
    y, p = data["y"].to_numpy(), data["p_new"].to_numpy()
    plain = []
    for _ in range(2000):
        at = rng.integers(0, 400, 400)
        plain.append(net_benefit.measure(y[at], p[at], [0.2, 0.4]))
    low, high = np.quantile(plain, [0.025, 0.975], axis=0)
    assert found["low"].to_numpy() == pytest.approx(low, abs=0.006)
    assert found["high"].to_numpy() == pytest.approx(high, abs=0.006)


def test_standardized_is_one_for_a_perfect_model(oracle):
    data = oracle.data("risk_400").assign(perfect=lambda t: t["y"].astype(float))
    table = decision_curve.table(
        as_predictions(data, ["perfect"]), thresholds=[0.3], resamples=50, **HOW
    )
    row = table.query("model == 'perfect'").iloc[0]
    assert row["standardized"] == pytest.approx(1)
    # 1 in every resample, which is no interval
    assert row[["standardized_low", "standardized_high"]].isna().all()
    assert row["low"] < row["net_benefit"] < row["high"]


def test_patients_stay_together(predictions):
    rows = predictions.query("split == 'external' and model == 'deep'")
    single = decision_curve.table(rows, thresholds=[0.5], resamples=2000, **HOW)
    copies = [rows.assign(case_id=rows["case_id"] + suffix) for suffix in "ab"]
    import pandas as pd

    double = decision_curve.table(pd.concat(copies), thresholds=[0.5], resamples=2000, **HOW)
    widths = [(t.iloc[0]["high"] - t.iloc[0]["low"]) for t in (single, double)]
    assert widths[1] == pytest.approx(widths[0], rel=0.1)


@pytest.mark.parametrize("thresholds", [[0.0, 0.5], [0.5, 1.0], []])
def test_thresholds_without_odds_are_refused(thresholds):
    with pytest.raises(StudyError, match=r"inside \(0, 1\)"):
        net_benefit.measure([0, 1], [0.2, 0.3], thresholds)


def test_where_nobody_is_called_there_is_no_interval(predictions):
    part = predictions.query("split == 'external' and model == 'deep'")
    table = decision_curve.table(part, thresholds=[0.3, 0.999], resamples=100, **HOW).set_index(
        ["model", "threshold"]
    )
    assert table.loc[("deep", 0.3), "method"] == "bootstrap"
    silent = table.loc[("deep", 0.999)]
    assert (silent["net_benefit"], silent["method"]) == (0, "undetermined")
    assert silent[["low", "high"]].isna().all()
    assert set(table.loc["treat_none", "method"]) == {"by definition"}
    known = table[table["low"].notna()]
    assert (known["low"] < known["high"]).all()
    pairs = part.assign(patient_id=part["patient_id"].str[:-1])
    both = decision_curve.table(pairs, thresholds=[0.3], resamples=100, **HOW)
    assert both["method"].tolist() == ["cluster bootstrap", "cluster bootstrap", "by definition"]
