"""The nomogram's arithmetic against R's rms::nomogram."""

import json
from pathlib import Path

import numpy as np
import pytest

from microcalc.figures import nomogram_points

ORACLES = Path(__file__).parents[2] / "oracles"
CATEGORICAL = {
    "race": ["white", "black", "other"], "smoke": ["no", "yes"], "ht": ["no", "yes"],
    "ui": ["no", "yes"],
}  # fmt: skip


@pytest.fixture(scope="module")
def oracle():
    return json.loads((ORACLES / "logistic.json").read_text())["rms_lrm_birthwt"]


@pytest.fixture(scope="module")
def nomogram(oracle):
    axes = oracle["nomogram"]["axes"]
    terms = []
    for name, axis in axes.items():
        if name in CATEGORICAL:
            effects = dict(zip(axis["values"], axis["Xbeta"], strict=True))
            reference = CATEGORICAL[name][0]
            effects.pop(reference)
            term = {"kind": "categorical", "reference": reference, "coefficients": effects}
        else:
            slope = np.diff(axis["Xbeta"]) / np.diff(np.array(axis["values"], dtype=float))
            term = {"kind": "continuous", "coefficient": slope[0]}
        terms.append({"variable": name, **term})
    intercept = oracle["coef"]["Intercept"]
    ranges = {"age": (14, 45), "lwt": (80, 250)}
    return nomogram_points.scale({"intercept": intercept, "terms": terms}, ranges)


def test_every_axis_is_that_of_rms(nomogram, oracle):
    for axis in nomogram.axes:
        expected = oracle["nomogram"]["axes"][axis.variable]
        assert list(axis.labels) == expected["values"]
        np.testing.assert_allclose(axis.points, expected["points"], atol=1e-9)


def test_totals_stand_for_the_probabilities_of_rms(nomogram, oracle):
    lp, risk = oracle["nomogram"]["lp"], oracle["nomogram"]["risk"]
    log_odds = nomogram.base + nomogram.per_point * np.array(lp["points"])
    np.testing.assert_allclose(log_odds, lp["value"], atol=1e-9)
    # rms finds these by interpolation in a table
    np.testing.assert_allclose(nomogram.total(risk["label"]), risk["points"], rtol=1e-5)


def test_the_points_of_a_case_lead_to_its_probability(nomogram, oracle):
    case = {"age": 23, "lwt": 123.5, "race": "other", "smoke": "yes", "ht": "no", "ui": "no"}
    axes = oracle["nomogram"]["axes"]
    log_odds = oracle["coef"]["Intercept"] + axes["smoke"]["Xbeta"][1] + axes["race"]["Xbeta"][2]
    log_odds += 23 * axes["age"]["Xbeta"][0] / 10 + 123.5 * axes["lwt"]["Xbeta"][0] / 80
    total = sum(nomogram.of_case(case).values())
    assert nomogram.probability(total) == pytest.approx(1 / (1 + np.exp(-log_odds)), abs=1e-12)


def test_a_model_that_never_moves_has_no_nomogram():
    score = {"variable": "deep_score", "kind": "score", "coefficient": 1.0}
    assert (
        nomogram_points.scale({"intercept": 0.5, "terms": [score]}, {"deep_score": (0.3, 0.3)})
        is None
    )
