import numpy as np
import pandas as pd
import pytest

from microcalc.config.clinical_settings import ClinicalVariable, ScreeningSettings
from microcalc.config.model_settings import ModelSettings
from microcalc.core.errors import StudyError
from microcalc.evaluation import sample_size_table
from microcalc.statistics import sample_size

CLINICAL = ClinicalVariable.each_of(
    {
        "age": {"kind": "continuous", "knots": 4},
        "size": {"kind": "continuous"},
        "birads": {"kind": "categorical", "levels": ["4A", "4B", "4C", "5"]},
        "density": {"kind": "ordinal", "levels": ["A", "B", "C", "D"]},
        "reader": {"kind": "continuous", "candidate": False},
    }
)


def test_development_criteria_are_those_of_pmsampsize(oracle):
    for case in oracle("sample_size")["development"]:
        found = sample_size.development(case["parameters"], case["prevalence"], case["r2"])
        assert [criterion.n_required for criterion in found] == case["n"]


def test_r2_from_the_auc_is_that_of_pmsampsizes_simulation(oracle):
    for case in oracle("sample_size")["r2_APPROX"]:
        found = sample_size.cox_snell(case["auc"], case["prevalence"])
        assert found == pytest.approx(case["r2"], rel=0.01)


def test_validation_criteria_are_those_of_pmvalsampsize(oracle):
    for case in oracle("sample_size")["validation_APPROX"]:
        found = sample_size.validation(case["prevalence"], case["auc"])
        # it steps the standard error by 1e-4 and simulates the linear predictor
        assert [c.n_required for c in found] == pytest.approx(case["n"], rel=0.005)


@pytest.mark.parametrize(
    ("parameters", "prevalence", "r2"), [(0, 0.3, 0.1), (5, 0.3, 0.0), (5, 0.3, 0.9)]
)
def test_impossible_anticipations_are_refused(parameters, prevalence, r2):
    with pytest.raises(StudyError, match="at least one parameter"):
        sample_size.development(parameters, prevalence, r2)


@pytest.mark.parametrize(("auc", "prevalence"), [(0.5, 0.3), (1.0, 0.3), (0.7, 0.0)])
def test_impossible_aucs_are_refused(auc, prevalence):
    with pytest.raises(StudyError, match="expected an AUC above"):
        sample_size.validation(prevalence, auc)


def training(n=60):
    rng = np.random.default_rng(2)
    size = np.round(rng.gamma(4, 4, n), 1).astype(object)
    size[:6] = None
    return pd.DataFrame(
        {
            "split": "train",
            "age": rng.integers(30, 80, n),
            "size": size,
            "birads": rng.choice(["4A", "4B", "4C"], n),  # no case of the level 5
            "density": rng.choice(["A", "B", "C", "D"], n),
            "reader": rng.random(n),
        }
    )


MODELS = ModelSettings.each_of(
    {
        "screened": {"clinical": "screened"},
        "deep": {"scores": ["deep"]},
        "combined": {"clinical": "screened", "scores": ["deep"]},
        "without": {"clinical": "screened", "without": ["age", "size"]},
        "named": {"clinical": ["birads"]},
        "other": {"features_of": ["densenet"]},
        "both": {"clinical": ["birads"], "scores": ["deep", "densenet"]},
        "reader": {"kind": "external_score", "column": "reader"},
    }
)


@pytest.mark.parametrize(
    ("screening", "clinical"),
    # age: a line and two bends; birads: three levels were seen; density: steps; size may get an
    # indicator of missing values.
    [
        (ScreeningSettings(missing="multiple"), 3 + 1 + 2 + 1),
        (ScreeningSettings(), 3 + 2 + 2 + 1),
        (ScreeningSettings(method="fixed", variables=("age", "density")), 3 + 1),
    ],
)
def test_candidates_are_the_columns_of_the_design(screening, clinical):
    scores = {"deep": 2048, "densenet": 1024}
    found = sample_size_table.parameters_of(MODELS, CLINICAL, screening, training(), scores)
    assert found == {
        "screened": clinical,
        "deep": 2048,
        "combined": 2048 + clinical,
        "without": 1 if screening.method == "fixed" else 2 + 1,
        "named": 2,
        "other": 1024,
        "both": 2 + 2048 + 1024,
    }


def test_a_model_of_no_candidate_has_no_row():
    named = {"clinical": MODELS["named"]}
    cases = training().assign(birads="4A")
    given = (named, CLINICAL, ScreeningSettings(), cases, {})
    assert sample_size_table.parameters_of(*given) == {}


def test_the_table_says_what_is_enough():
    cases = pd.DataFrame(
        {
            "split": ["train"] * 600 + ["external"] * 200,
            "y": np.tile([1, 1, 1, 0, 0], 160),
        }
    )
    table = sample_size_table.table(cases, {"clinical": 4}, expected_auc=0.75)
    assert list(table.columns) == list(sample_size_table.COLUMNS)
    assert len(table) == 6
    train = table[table["set"] == "train"]
    assert train["met"].tolist() == ["yes", "yes", "yes"]
    assert train.iloc[0]["events_per_parameter"] == 240 / 4
    external = table[table["set"] == "external"]
    assert external["met"].tolist() == ["no", "no", "no"]
    statement = external.iloc[1]["statement"]
    assert "there are 200" in statement
    assert "too few" in statement
