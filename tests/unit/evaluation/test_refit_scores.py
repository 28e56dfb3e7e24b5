"""Refits of several scores: each with its own selection, stability asked of each set."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.unit.evaluation.test_replicates import (
    CLINICAL,
    LABELS,
    PART,
    SCREENING,
    SEED,
    SELECTION,
    YOUDEN,
    draw,
)

from microcalc.config.model_settings import ModelSettings
from microcalc.config.selection_settings import SelectionSettings
from microcalc.core.errors import StudyError
from microcalc.evaluation import refit, replicates
from microcalc.models import equation
from microcalc.models.fit import fit_model
from microcalc.models.recipe import Recipe
from microcalc.models.training_tables import ScoreTables, Tables
from microcalc.selection.select import select
from microcalc.selection.training import joined

SCORES = {
    "deep": {"tables": ["deep"], "learner": "lasso"},
    "both": {"tables": ["deep", "around"], "learner": "lasso"},
}
SELECTIONS = {
    "deep": SELECTION,
    "both": SelectionSettings.of(
        {"folds": 3, "mrmr": {"n_features": 8}, "lasso": {"n_lambdas": 15, "folds": 4}}
    ),
}
MODELS = {
    "deep": ModelSettings(scores=("deep",)),
    "both": ModelSettings(scores=("both",)),
    "two": ModelSettings(scores=("deep", "both")),
    "combined": ModelSettings(clinical="screened", scores=("both", "deep")),
    "mixed": ModelSettings(clinical=("age",), scores=("deep",), features_of=("both",)),
}
PLAN = refit.Plan(MODELS, CLINICAL, SCREENING, SELECTIONS, "out_of_fold")
LEAST = 0.8


def draw_sets() -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    included, deep = draw()
    random = np.random.default_rng(12)
    X = random.normal(size=(len(included), 6))
    X[:, 2] += included["y"]
    around = pd.DataFrame(X, columns=[f"around_{j:04d}" for j in range(6)])
    around.insert(0, "case_id", included["case_id"])
    return included, {"deep": deep, "around": around}


@pytest.fixture(scope="module")
def drawn() -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    return draw_sets()


def shaken(features: pd.DataFrame, included: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the training cases' features again, one of them another value each time."""
    train = included.loc[included["split"] == "train", "case_id"]
    own = features[features["case_id"].isin(train)].copy()
    own[name] = np.random.default_rng(6).normal(size=len(own))
    own.insert(0, "copy", 0)
    return own


def study(
    included: pd.DataFrame,
    features: dict[str, pd.DataFrame],
    redrawn: dict[str, pd.DataFrame] | None = None,
    basis: str = "out_of_fold",
) -> dict[str, Any]:
    """Return the models as the rules make them: selection, cross-fitting, then the models."""
    scores = {}
    for name, made in SCORES.items():
        copies = [table for one, table in (redrawn or {}).items() if one in made["tables"]]
        own = joined([features[table] for table in made["tables"]])
        found = select(
            *(included, own, copies),
            **{"settings": SELECTIONS[name], "seed": SEED, "least_iccs": [LEAST] * len(copies)},
        )
        scores[name] = ScoreTables(
            *("lasso", dict.fromkeys(made["tables"], PART), own, found.chain.selected),
            *(found.crossfit, found.crossfit_selected),
        )
    tables = Tables(included, scores)
    how = (CLINICAL, SCREENING, basis, SEED)
    return {
        name: fit_model(Recipe(name, spec, *how), tables, threshold=YOUDEN, labels=LABELS)[0]
        for name, spec in MODELS.items()
    }


def same(again: refit.Refit, models: dict[str, Any]) -> None:
    assert set(again.models) == set(models)
    for name, model in models.items():
        own, expected = again.models[name].equation, equation.from_json(model)
        assert own.scores == expected.scores
        assert own.intercept == pytest.approx(expected.intercept, abs=1e-12)
        assert own.coefficients == pytest.approx(expected.coefficients, abs=1e-12)
        for score in model["scores"]:
            selected = again.models[name].selected[score["name"]]
            assert selected["feature"][1:].tolist() == [f["name"] for f in score["features"]]
            assert selected["coefficient"][1:].tolist() == pytest.approx(
                [f["coefficient"] for f in score["features"]], abs=1e-12
            )


@pytest.mark.parametrize("basis", ["out_of_fold", "apparent"])
def test_on_the_training_cases_they_are_the_studys_models(drawn: Any, basis: str) -> None:
    cases = refit.gather(drawn[0], SCORES, drawn[1])
    plan = replace(PLAN, training_scores=basis)
    again = refit.fit(cases.where("train"), plan, seed=SEED)
    models = study(*drawn, basis=basis)
    same(again, models)
    assert any(len(model["scores"]) == 2 for model in models.values())
    assert {kind for kind, _ in again.selected} >= {"deep feature", "feature of the both score"}


def test_copies_of_a_set_are_asked_of_every_score_that_takes_it(drawn: Any) -> None:
    included, features = drawn
    copies = {
        "deep": shaken(features["deep"], included, "deep_0001"),
        "around": shaken(features["around"], included, "around_0002"),
    }
    cases = refit.gather(included, SCORES, features, [(table, LEAST) for table in copies.values()])
    assert [len(own.redrawn) for own in cases.columns.values()] == [1, 2]
    again = refit.fit(cases.where("train"), PLAN, seed=SEED)
    same(again, study(included, features, copies))
    chosen = set(again.selected)
    assert not {("deep feature", "deep_0001"), ("feature of the both score", "deep_0001")} & chosen
    assert ("feature of the both score", "around_0002") not in chosen
    free = set(refit.fit(refit.gather(*args(drawn)).where("train"), PLAN, seed=SEED).selected)
    assert {("deep feature", "deep_0001"), ("feature of the both score", "around_0002")} <= free


def args(drawn: Any) -> tuple[Any, ...]:
    return drawn[0], SCORES, drawn[1]


def test_one_of_two_sets_may_be_stable_and_the_other_not_be_asked(drawn: Any) -> None:
    included, features = drawn
    table = shaken(features["around"], included, "around_0002")
    cases = refit.gather(included, SCORES, features, [(table, LEAST)])
    assert [len(own.redrawn) for own in cases.columns.values()] == [0, 1]
    again = refit.fit(cases.where("train"), PLAN, seed=SEED)
    same(again, study(included, features, {"around": table}))
    assert ("deep feature", "deep_0001") in again.selected


def test_a_score_that_no_model_takes_is_not_fitted(drawn: Any) -> None:
    plan = replace(PLAN, models={"deep": MODELS["deep"]})
    again = refit.fit(refit.gather(*args(drawn)).where("train"), plan, seed=SEED)
    assert list(again.chains) == ["deep"]


def test_all_designs_go_through_all_models(drawn: Any) -> None:
    cases = refit.gather(*args(drawn))
    for design in replicates.DESIGNS:
        measured, selected = replicates.run(design, [0], cases, PLAN, seed=SEED)
        assert set(measured["model"]) == set(MODELS)
        assert measured["auc"].notna().all()
        assert set(selected["kind"]) >= {"deep feature", "feature of the both score"}


def test_validation_cases_reach_no_refit_through_any_table(drawn: Any) -> None:
    included, features = drawn
    one, chosen = replicates.run("bootstrap", [0], refit.gather(*args(drawn)), PLAN, seed=SEED)
    others = included["split"] != "train"
    for table, column in (("deep", "deep_0000"), ("around", "around_0002")):
        changed = features[table].copy()
        changed.loc[others, column] += 100
        cases = refit.gather(included, SCORES, {**features, table: changed})
        other, chosen_again = replicates.run("bootstrap", [0], cases, PLAN, seed=SEED)
        pd.testing.assert_frame_equal(one, other)
        pd.testing.assert_frame_equal(chosen, chosen_again)


def test_a_case_that_a_table_lacks_is_named(drawn: Any) -> None:
    included, features = drawn
    around = features["around"]
    with pytest.raises(StudyError, match="case C004"):
        refit.gather(included, SCORES, {**features, "around": around[around["case_id"] != "C004"]})


def test_redrawn_features_that_are_not_all_those_of_their_set_are_refused() -> None:
    """They would else be left out, and nothing asked of the set's stability."""
    included, features = draw_sets()
    other = features["around"].assign(copy=0, around_0099=0.0)
    with pytest.raises(StudyError, match="column 'around_0099', which the features"):
        refit.gather(included, SCORES, features, [(other, LEAST)])
