import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from microcalc.core.errors import StudyError
from microcalc.core.seeds import stream
from microcalc.evaluation import calibration_tables
from microcalc.statistics import calibration, resampling
from microcalc.statistics.proportions import of_cases

MODELS = ["p_old", "p_new", "p_tied"]


def case(oracle, model):
    data = oracle.data("risk_400")
    return data["y"].to_numpy(), data[model].to_numpy(), oracle("risk_models")["risk_400"][model]


@pytest.mark.parametrize("model", MODELS)
def test_estimates_are_those_of_r(oracle, model):
    y, p, expected = case(oracle, model)
    found = calibration.measure(y, p)
    assert found.intercept == pytest.approx(expected["calibration_intercept"], abs=1e-9)
    assert found.slope == pytest.approx(expected["calibration_slope"], abs=1e-9)
    assert found.citl == pytest.approx(expected["calibration_in_the_large"], abs=1e-10)
    assert found.oe == pytest.approx(expected["OE_ratio"], abs=1e-12)
    assert found.brier == pytest.approx(expected["brier"], abs=1e-12)
    assert found.brier_scaled == pytest.approx(expected["brier_scaled"], abs=1e-12)
    assert found.ici == pytest.approx(expected["ICI_lowess"], abs=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_estimates_are_those_of_val_prob(oracle, model):
    y, p, expected = case(oracle, model)
    found, val_prob = calibration.measure(y, p), expected["val_prob"]
    # val.prob's logistic fit stops earlier than ours
    assert found.intercept == pytest.approx(val_prob["Intercept"], abs=1e-6)
    assert found.slope == pytest.approx(val_prob["Slope"], abs=1e-6)
    assert found.brier == pytest.approx(val_prob["Brier"], abs=1e-12)
    assert found.ici == pytest.approx(val_prob["Eavg"], abs=1e-9)
    assert found.e90 == pytest.approx(val_prob["E90"], abs=1e-9)
    assert found.emax == pytest.approx(val_prob["Emax"], abs=1e-9)
    z, p_value = calibration.spiegelhalter(y, p)
    assert (z, p_value) == pytest.approx((val_prob["S:z"], val_prob["S:p"]), abs=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_standard_errors_are_those_of_r(oracle, model):
    y, p, expected = case(oracle, model)
    bounds = calibration.wald(y, p)
    for name, error in (("intercept", "intercept_se"), ("slope", "slope_se"), ("citl", "citl_se")):
        low, high = bounds[name]
        assert (high - low) / (2 * 1.959963984540054) == pytest.approx(expected[error], abs=1e-8)


@pytest.mark.parametrize("model", MODELS)
def test_the_curve_is_rs_lowess(oracle, model):
    y, p, expected = case(oracle, model)
    line = expected["lowess_iter0"]
    found = calibration.smooth_curve(y, p, line["x"])
    assert found == pytest.approx(line["y"], abs=1e-9)
    assert np.isnan(calibration.smooth_curve(y, p, [p.min() - 0.01])).all()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("g", [5, 10])
def test_hosmer_lemeshow_is_that_of_r(oracle, model, g):
    y, p, expected = case(oracle, model)
    test = expected["hosmer_lemeshow"][f"resource_selection_g{g}"]
    found = calibration.hosmer_lemeshow(y, p, groups=g)
    assert found.chi2 == pytest.approx(test["chisq"], abs=1e-9)
    assert found.degrees_of_freedom == test["g_used"]
    if test["g_used"] == g:
        assert found.p_value == pytest.approx(test["p_df_g_external"], abs=1e-9)


def test_perfect_probabilities_have_no_slope():
    found = calibration.measure([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    assert math.isnan(found.slope)
    assert math.isnan(found.intercept)
    assert found.brier == pytest.approx(0.025)


def test_probabilities_of_zero_and_one_are_bounded():
    rng = np.random.default_rng(1)
    p = np.concatenate([[0.0, 1.0], rng.random(80)])
    y = np.concatenate([[0, 1], (rng.random(80) < p[2:]).astype(int)])
    found = calibration.measure(y, p)
    assert all(math.isfinite(v) for v in (found.intercept, found.slope, found.citl, found.ici))


def test_one_probability_for_all_is_calibrated_in_the_large_only():
    found = calibration.measure([0, 1, 1, 0], [0.5] * 4)
    assert math.isnan(found.slope)
    assert found.citl == pytest.approx(0)
    assert found.ici == pytest.approx(0)


def test_a_far_start_still_converges():
    rng = np.random.default_rng(2)
    x = rng.normal(size=200)
    y = rng.random(200) < 1 / (1 + np.exp(-x))
    extreme = 1 / (1 + np.exp(-(6 * x - 6)))
    found = calibration.measure(y, extreme)
    plain = calibration.measure(y, 1 / (1 + np.exp(-x)))
    assert found.slope == pytest.approx(plain.slope / 6, rel=1e-9)


@pytest.mark.parametrize(
    ("y", "p", "words"),
    [([1, 1], [0.1, 0.2], "both classes"), ([0, 1], [0.1, 1.2], r"1\.2 at position 1")],
)
def test_what_cannot_be_calibrated_is_refused(y, p, words):
    with pytest.raises(StudyError, match=words):
        calibration.measure(y, p)


def test_the_table_has_intervals_around_its_estimates(predictions):
    table, curves = calibration_tables.assess(predictions, resamples=60, confidence=0.95, seed=0)
    assert list(table.columns) == list(calibration_tables.COLUMNS)
    assert len(table) == 8
    for name in ("slope", "citl", "oe", "brier", "ici", "e50", "e90", "emax"):
        assert (table[f"{name}_low"] < table[name]).all()
        assert (table[name] < table[f"{name}_high"]).all()
    again, curves_again = calibration_tables.assess(
        predictions, resamples=60, confidence=0.95, seed=0
    )
    pd.testing.assert_frame_equal(table, again, check_exact=True)
    pd.testing.assert_frame_equal(curves, curves_again, check_exact=True)


def test_clusters_change_the_method(predictions):
    predictions["patient_id"] = predictions["case_id"].str[:-1]
    table, _ = calibration_tables.assess(
        predictions.query("split == 'external'"), resamples=40, confidence=0.95, seed=0
    )
    assert set(table["method"]) == {"cluster bootstrap; ici_p: wild bootstrap by patient"}
    assert (table["slope_low"] < table["slope"]).all()


# Two probabilities alone, so that the curve is the share at each and chance can be enumerated.
TWO = np.array([0.2] * 5 + [0.8] * 5)
OUTCOMES = np.array([1, 1, 0, 0, 0, 1, 1, 1, 0, 0])


def test_the_ici_s_p_value_is_that_of_outcomes_drawn_from_the_probabilities():
    assert calibration.measure(OUTCOMES, TWO).ici == pytest.approx(0.2)
    # ICI = (|a / 5 - 0.2| + |b / 5 - 0.8|) / 2, a and b binomial.
    a, b = np.meshgrid(np.arange(6), np.arange(6), indexing="ij")
    chance = stats.binom.pmf(a, 5, 0.2) * stats.binom.pmf(b, 5, 0.8)
    expected = chance[np.abs(a - 1) + np.abs(b - 4) >= 2].sum()
    rng = stream(1, "test")
    found = calibration.ici_p_value(OUTCOMES, TWO, np.arange(10), rng, resamples=4000)
    assert found == pytest.approx(expected, abs=0.025)


def test_the_ici_s_p_value_flips_patients_where_they_have_several_cases():
    patients = np.array([0, 1, 2, 2, 2, 2, 2, 2, 0, 1])
    residuals = OUTCOMES - TWO
    found = [
        np.abs(sums).sum()
        for signs in itertools.product((-1, 1), repeat=3)
        for sums in [(np.array(signs)[patients] * residuals).reshape(2, 5).sum(axis=1)]
    ]
    expected = np.mean(np.array(found) >= found[-1] - 1e-9)
    assert 0.1 < expected < 0.9
    rng = stream(1, "test")
    p = calibration.ici_p_value(OUTCOMES, TWO, patients, rng, resamples=4000)
    assert p == pytest.approx(expected, abs=0.025)


def test_the_ici_s_p_value_is_never_0():
    y, p = np.tile([0, 1], 50), np.tile([0.9, 0.1], 50) + np.linspace(0, 0.09, 100)
    found = calibration.ici_p_value(y, p, np.arange(100), stream(1, "test"), resamples=99)
    assert found == pytest.approx(0.01)


def test_the_ici_s_p_value_depends_on_no_order_of_cases():
    rng = np.random.default_rng(4)
    p = rng.random(60)
    y = (rng.random(60) < p**2).astype(int)
    order = rng.permutation(60)
    first, second = (
        calibration.ici_p_value(y[i], p[i], np.arange(60), stream(2, "test"))
        for i in (np.arange(60), order)
    )
    assert first == second


def test_one_class_is_named(predictions):
    keep = (predictions["split"] == "external") & (predictions["y"] == 1)
    table, curve = calibration_tables.assess(
        predictions[keep], resamples=40, confidence=0.95, seed=0
    )
    assert set(table["method"]) == {"undefined: one class"}
    assert curve.empty


def test_the_band_holds_the_curve(predictions):
    _, table = calibration_tables.assess(
        predictions.query("split == 'train'"), resamples=60, confidence=0.95, seed=0
    )
    assert list(table.columns) == list(calibration_tables.CURVE_COLUMNS)
    inner = table.dropna()
    assert len(inner) > 0.7 * len(table)
    inside = (inner["low"] <= inner["observed"]) & (inner["observed"] <= inner["high"])
    assert inside.mean() > 0.95


def test_groups_and_histogram_hold_every_case(predictions):
    groups, bins = (
        calibration_tables.groups(predictions, confidence=0.95),
        calibration_tables.histogram(predictions),
    )
    for of in ({"split": "external", "model": "deep"}, {"split": "internal", "model": "clinical"}):
        expected = 30 if of["split"] == "external" else 24
        chosen = groups[(groups["split"] == of["split"]) & (groups["model"] == of["model"])]
        assert chosen["n"].sum() == expected
        here = bins[(bins["split"] == of["split"]) & (bins["model"] == of["model"])]
        assert here[["n_pos", "n_neg"]].to_numpy().sum() == expected
        assert len(here) == calibration_tables.BINS


def test_the_band_survives_resamples_of_one_class(predictions):
    few = predictions[predictions["case_id"].isin(["internal000", "internal001", "internal002"])]
    _, curve = calibration_tables.assess(few, resamples=40, confidence=0.95, seed=0)
    assert curve["observed"].between(0, 1).all()
    assert set(curve["model"]) == {"clinical", "deep"}


def test_intervals_and_band_are_of_replicates_each_measured_alone(predictions):
    part = predictions.query("split == 'external' and model == 'deep'").sort_values("case_id")
    part = part.assign(probability=part["probability"].round(1))
    table, band = calibration_tables.assess(part, resamples=30, confidence=0.95, seed=1)
    rng = stream(1, "evaluation.calibration", "deep", "external", "held_out")
    codes = resampling.patient_codes(part["patient_id"])
    weights = np.concatenate([*resampling.case_weights(codes, rng, resamples=30)])
    y, p = part["y"].to_numpy(), part["probability"].to_numpy()
    drawn = [(np.repeat(y, w), np.repeat(p, w)) for w in weights]
    briers = [calibration.measure(*one).brier for one in drawn]
    e50s = [calibration.measure(*one).e50 for one in drawn]
    for name, bounds in {
        "brier": resampling.percentile(briers, confidence=0.95),
        "e50": resampling.centered(table["e50"][0], e50s, confidence=0.95),
    }.items():
        assert (table[f"{name}_low"][0], table[f"{name}_high"][0]) == bounds
    heights = [calibration.smooth_curve(*one, band["probability"]) for one in drawn]
    for low, high, values in zip(band["low"], band["high"], np.transpose(heights), strict=True):
        expected = np.clip(resampling.percentile(values, confidence=0.95), 0, 1)
        np.testing.assert_array_equal([low, high], expected)


def test_groups_know_their_patients(predictions):
    part = predictions.query("split == 'external' and model == 'deep'").copy()
    part["patient_id"] = part["case_id"].str[:-1]
    part = part.sort_values("probability")
    table = calibration_tables.groups(part, confidence=0.95)
    first = part.head(int(table["n"].iloc[0]))
    share = of_cases(first["y"], first["patient_id"])
    assert (table["low"].iloc[0], table["high"].iloc[0]) == (share.low, share.high)
    assert (table["low"] < table["high"]).all()


def test_a_band_is_missing_where_it_would_have_no_width(predictions):
    _, curve = calibration_tables.assess(predictions, resamples=60, confidence=0.95, seed=0)
    there = curve[curve["low"].notna()]
    assert (there["low"] < there["high"]).all()
