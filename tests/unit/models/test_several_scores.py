"""Models of several scores, of the features of several, and of a score of several sets."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pandas.testing import assert_frame_equal
from scipy.special import expit, logit
from tests.unit.models import two_sets
from tests.unit.models.test_fit import LABELS, YOUDEN, check_predictions, oof, recipe, screening

from microcalc.core.errors import StudyError
from microcalc.models import contributions, logistic, notes
from microcalc.models.design import Design
from microcalc.models.equation import Equation
from microcalc.models.fit import fit_model
from microcalc.models.frozen import FrozenModel
from microcalc.models.predict import predict, score_table, with_scores
from microcalc.models.recipe import Fitted
from microcalc.models.training_tables import Tables

SPECS: dict[str, dict[str, Any]] = {
    "clinical": {"clinical": "screened"},
    "deep": {"scores": ["deep"]},
    "both": {"scores": ["both"]},
    "two": {"scores": ["deep", "around"]},
    "three": {"clinical": "screened", "scores": ["deep", "around", "both"]},
    "mixed": {"clinical": ["age"], "scores": ["deep"], "features_of": ["around"]},
    "features": {"features_of": ["deep", "around"]},
    "features_of_both": {"clinical": ["age"], "features_of": ["both"]},
    "reader": {"kind": "external_score", "column": "age"},
}
Made = dict[str, tuple[FrozenModel, pd.DataFrame]]


def fit_all(tables: Tables, specs: dict[str, dict[str, Any]] = SPECS, **changes: Any) -> Made:
    return {
        name: fit_model(recipe(name, spec=spec, **changes), tables, threshold=YOUDEN, labels=LABELS)
        for name, spec in specs.items()
    }


@pytest.fixture(scope="module")
def drawn() -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    return two_sets.draw_sets()


@pytest.fixture(scope="module")
def tables(drawn: tuple[pd.DataFrame, dict[str, pd.DataFrame]]) -> Tables:
    return two_sets.tables_of(*drawn)


@pytest.fixture(scope="module")
def made(tables: Tables) -> Made:
    return fit_all(tables)


def training(tables: Tables) -> pd.DataFrame:
    rows = tables.included[tables.included["split"] == "train"]
    return rows.sort_values("case_id").reset_index(drop=True)


def crossfitted(tables: Tables, score: str) -> NDArray[np.float64]:
    crossfit = tables.scores[score].crossfit
    own = crossfit[crossfit["fold"] == crossfit["also_left_out"]]
    return own.sort_values("case_id")["score"].to_numpy()


@pytest.mark.parametrize("name", SPECS)
def test_json_and_arithmetic_suffice(drawn: Any, made: Made, name: str) -> None:
    check_predictions(made[name][0], *drawn)


@pytest.mark.parametrize("name", SPECS)
def test_the_frozen_model_says_what_the_fit_said(drawn: Any, made: Made, name: str) -> None:
    included, features = drawn
    model, scores = made[name]
    apparent = scores[scores["kind"] == "apparent"].set_index("case_id")["probability"]
    again = predict([json.loads(json.dumps(model))], included, features).set_index("case_id")
    np.testing.assert_allclose(again.loc[apparent.index, "probability"], apparent, atol=1e-12)


def test_a_model_holds_the_tables_of_its_scores_and_no_other(made: Made) -> None:
    tables = {name: list(model["tables"]) for name, (model, _) in made.items()}
    assert tables == {
        **{"clinical": [], "reader": [], "deep": ["deep"], "both": ["deep", "around"]},
        **{n: ["deep", "around"] for n in ("two", "three", "mixed", "features")},
        "features_of_both": ["deep", "around"],
    }
    (part,) = made["both"][0]["scores"]
    assert (part["name"], part["tables"]) == ("both", ["deep", "around"])


def test_contributions_add_up(drawn: Any, made: Made) -> None:
    included, features = drawn
    models = [model for model, _ in made.values()]
    table = contributions.table(models, included, features)
    total = table.groupby(["part_of", "model", "case_id"])["contribution"].sum()
    predicted = predict(models, included, features).set_index(["model", "case_id"])["probability"]
    log_odds = total[contributions.LOG_ODDS]
    np.testing.assert_allclose(log_odds, logit(predicted).loc[log_odds.index], atol=1e-10)
    parts = 0
    for model in models:
        cases = with_scores(model, included, features).set_index("case_id")
        for score in model["scores"]:
            column = f"{score['name']}_score"
            inside = total[column][model["name"]]
            np.testing.assert_allclose(inside, cases.loc[inside.index, column], atol=1e-10)
            parts += 1
    assert parts == 12 - sum("left out" in note for model in models for note in model["notes"])


def test_two_scores_are_fitted_on_out_of_fold_scores(tables: Tables, made: Made) -> None:
    model, _ = made["two"]
    X = np.column_stack([crossfitted(tables, name) for name in ("deep", "around")])
    expected = logistic.fit(X, training(tables)["y"], names=["deep", "around"]).coefficients
    assert (expected[1:] > 0).all()
    found = [model["intercept"], *(term["coefficient"] for term in model["terms"])]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert [term["variable"] for term in model["terms"]] == ["deep_score", "around_score"]


def test_features_of_two_scores_enter_one_by_one(drawn: Any, tables: Tables, made: Made) -> None:
    model, _ = made["features"]
    rows = training(tables)
    names = [f["name"] for score in model["scores"] for f in score["features"]]
    chosen = [
        name
        for score in ("deep", "around")
        for name in tables.scores[score].selected["feature"][1:]
    ]
    assert names == chosen
    _, features = drawn
    columns = [
        features[name.rpartition("_")[0]].set_index("case_id").loc[rows["case_id"], name]
        for name in names
    ]
    X = np.column_stack(columns).astype(float)
    expected = logistic.fit(X, rows["y"], names=names)
    per_unit = [f["coefficient"] / f["sd"] for score in model["scores"] for f in score["features"]]
    np.testing.assert_allclose(per_unit, expected.coefficients[1:], rtol=1e-6)
    assert [term["coefficient"] for term in model["terms"]] == [1.0, 1.0]


def test_a_score_beside_the_features_of_another(drawn: Any, tables: Tables, made: Made) -> None:
    model, _ = made["mixed"]
    rows, (_, features) = training(tables), drawn
    chosen = [*tables.scores["around"].selected["feature"][1:]]
    own = features["around"].set_index("case_id").loc[rows["case_id"], chosen].to_numpy(float)
    X = np.column_stack([rows["age"].astype(float), crossfitted(tables, "deep"), own])
    expected = logistic.fit(X, rows["y"], names=["age", "deep", *chosen]).coefficients
    age, deep, around = model["terms"]
    assert (age["coefficient"], deep["coefficient"]) == pytest.approx(tuple(expected[1:3]))
    per_unit = [f["coefficient"] / f["sd"] for f in model["scores"][1]["features"]]
    np.testing.assert_allclose(per_unit, expected[3:], rtol=1e-6)
    assert around["coefficient"] == 1.0


def test_only_features_that_the_selection_has_seen_are_told_of(made: Made) -> None:
    def told(name: str, found: Made = made) -> list[str]:
        said = [note for note in found[name][0]["notes"] if note.startswith("apparent: ")]
        return [note.partition("whose ")[2].partition(" the selection")[0] for note in said]

    assert told("two") == told("three") == told("deep") == []
    assert told("mixed") == ["around features"]
    assert told("features") == ["deep and around features"]


def test_in_sample_scores_are_told_of_with_the_features(tables: Tables) -> None:
    specs = {name: SPECS[name] for name in ("deep", "two", "mixed")}
    found = fit_all(tables, specs, training_scores="apparent")
    for name in ("two", "mixed"):
        assert any("whose deep and around features" in n for n in found[name][0]["notes"])
    assert not any(note.startswith("apparent: ") for note in found["deep"][0]["notes"])


def test_the_score_that_was_left_out_is_named(tables: Tables) -> None:
    own = tables.scores["around"]
    turned = own.crossfit.assign(score=-own.crossfit["score"])
    changed = {**tables.scores, "around": replace(own, crossfit=turned)}
    model, _ = fit_all(replace(tables, scores=changed), {"two": SPECS["two"]})["two"]
    assert [score["name"] for score in model["scores"]] == ["deep"]
    assert list(model["tables"]) == ["deep"]
    (note,) = [note for note in model["notes"] if notes.LEFT_OUT in note]
    X = np.column_stack([crossfitted(tables, "deep"), -crossfitted(tables, "around")])
    free = logistic.fit(X, training(tables)["y"], names=["deep", "around"]).coefficients[-1]
    assert free < 0
    assert note.startswith(f"the around {notes.LEFT_OUT}: beside the other predictors")
    assert f"({free:.2g})" in note


@pytest.mark.parametrize(
    ("slope", "reason"),
    [
        (-0.25, "beside the other predictors its coefficient would not be above 0 (-0.25), which"),
        (0.0, "beside the other predictors its coefficient would not be above 0 (0), which"),
        (0.25, "beside it another score's coefficient would not be above 0, which"),
    ],
)
def test_why_a_score_was_left_out_is_told(tables: Tables, slope: float, reason: str) -> None:
    how = recipe("two", spec=SPECS["two"])
    alone = Equation(Design(()).with_scores(["deep"]), 0.0, (1.0,), "", 99, 50)
    fitted = Fitted(alone, {}, {"around": slope})
    (note,) = [n for n in notes.of_model(how, fitted, tables, YOUDEN) if notes.LEFT_OUT in n]
    assert note.startswith(f"the around {notes.LEFT_OUT}: {reason} is noise in a score")


@pytest.mark.parametrize("missing", ["impute", "complete-case", "multiple"])
def test_however_missing_values_are_met(drawn: Any, tables: Tables, missing: str) -> None:
    spec = {"clinical": ["age", "palpable"], "scores": ["deep", "around"], "features_of": ["both"]}
    how = screening(missing=missing, imputations=3)
    model, _ = fit_all(tables, {"all": spec}, screening=how)["all"]
    scores = [term for term in model["terms"] if term["kind"] == "score"]
    assert all(term["coefficient"] > 0 for term in scores)
    assert len(scores) == len(model["scores"]) >= 1
    check_predictions(model, *drawn)


def test_a_score_of_two_sets_is_computed_from_both(drawn: Any, tables: Tables, made: Made) -> None:
    included, features = drawn
    selected = tables.scores["both"].selected
    assert {name.rpartition("_")[0] for name in selected["feature"][1:]} == {"deep", "around"}
    total = np.full(len(included), selected["coefficient"].iloc[0])
    for row in selected.iloc[1:].to_dict("records"):
        table = features[row["feature"].rpartition("_")[0]].set_index("case_id")
        x = table.loc[included["case_id"], row["feature"]].to_numpy(dtype=float)
        total += row["coefficient"] * (x - row["mean"]) / row["sd"]
    found = predict([made["both"][0]], included, features)["probability"]
    np.testing.assert_allclose(found, expit(total), rtol=1e-12)
    exported = score_table(
        *(included, features, {"both": {"tables": ["deep", "around"]}}),
        selected={"both": selected},
        crossfit={"both": tables.scores["both"].crossfit},
    )
    final = exported[exported["kind"] != "out_of_fold"].set_index("case_id")["value"]
    np.testing.assert_allclose(final.loc[included["case_id"]], total, rtol=1e-12)


def test_a_case_that_one_of_the_tables_lacks_is_named(drawn: Any, made: Made) -> None:
    included, features = drawn
    gone = included["case_id"].iloc[3]
    around = features["around"]
    short = {**features, "around": around[around["case_id"] != gone]}
    for name in ("both", "two", "features_of_both"):
        with pytest.raises(StudyError, match=f"without a row in the feature table.*\n.*{gone}"):
            predict([made[name][0]], included, short)
    assert len(predict([made["deep"][0]], included, short)) == len(included)


def test_scores_of_different_folds_are_refused(drawn: Any) -> None:
    three = two_sets.SELECTIONS["around"].model_copy(update={"folds": 3})
    tables = two_sets.tables_of(*drawn, two_sets.SELECTIONS | {"around": three})
    with pytest.raises(
        StudyError, match=r"models\.two: its scores deep, around were cross-fitted in"
    ):
        fit_all(tables, {"two": SPECS["two"]})
    # Apart from one another they may have their own.
    found = fit_all(tables, {"deep": SPECS["deep"], "around": {"scores": ["around"]}})
    assert {len(oof(training)) for _, training in found.values()} == {len(training(tables))}


def moved(features: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    names = [name for name in features if name not in ("case_id", "n_views")]
    other = features.copy()
    other.loc[other["case_id"].isin(cases["case_id"]), names] = 7.0
    return other


def change_features(table: str) -> Callable[..., Any]:
    def change(included: pd.DataFrame, features: dict[str, Any], cases: pd.DataFrame) -> Any:
        return included, {**features, table: moved(features[table], cases)}

    return change


def change_clinical(included: pd.DataFrame, features: Any, cases: pd.DataFrame) -> Any:
    other, own = included.copy(), included["case_id"].isin(cases["case_id"])
    other.loc[own, ["age", "birads", "palpable"]] = ["30", "5", "yes"]
    return other, features


def change_labels(included: pd.DataFrame, features: Any, cases: pd.DataFrame) -> Any:
    own = included["case_id"].isin(cases["case_id"])
    return included.assign(y=included["y"].where(~own, 1 - included["y"])), features


def take_out(included: pd.DataFrame, features: Any, cases: pd.DataFrame) -> Any:
    return included[~included["case_id"].isin(cases["case_id"])].reset_index(drop=True), features


CHANGES = {
    "deep": change_features("deep"),
    "around": change_features("around"),
    "clinical": change_clinical,
    "labels": change_labels,
    "fewer": take_out,
}


MOVED_BY = {
    "deep": {*SPECS} - {"clinical", "reader"},
    "around": {*SPECS} - {"clinical", "reader", "deep"},
    "clinical": {"clinical", "reader", "three", "mixed", "features_of_both"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_validation_cases_change_no_fitted_number(
    drawn: Any, tables: Tables, made: Made, change: str
) -> None:
    """Of no row of any table: selections, models of all kinds, thresholds, out-of-fold scores."""
    included, _ = drawn
    others = included[included["split"] != "train"]
    changed, features = CHANGES[change](*drawn, others.iloc[::2])
    again = two_sets.tables_of(changed, features)
    for name, own in again.scores.items():
        before = tables.scores[name]
        for table in ("selected", "crossfit", "crossfit_selected"):
            assert_frame_equal(getattr(own, table), getattr(before, table))
    for name, (model, training) in fit_all(again).items():
        assert json.dumps(model) == json.dumps(made[name][0])
        assert_frame_equal(training, made[name][1])
    if change in ("deep", "around", "clinical"):
        models = [model for model, _ in made.values()]
        before, after = predict(models, *drawn), predict(models, changed, features)
        moved_by = set(before["model"][before["probability"] != after["probability"]])
        assert moved_by == MOVED_BY[change]


@pytest.mark.parametrize(
    ("change", "unchanged"),
    [
        ("deep", {"clinical", "reader"}),
        ("around", {"clinical", "reader", "deep"}),
        ("clinical", {"deep", "both", "two", "features"}),
        ("labels", set()),
        ("fewer", set()),
    ],
)
def test_training_cases_change_what_is_fitted_on_them(
    drawn: Any, made: Made, change: str, unchanged: set[str]
) -> None:
    included, _ = drawn
    train = included[included["split"] == "train"]
    again = fit_all(two_sets.tables_of(*CHANGES[change](*drawn, train.iloc[:2])))
    same = {name for name, (model, _) in again.items() if model == made[name][0]}
    digests = {n for n, (m, _) in again.items() if m["training"] == made[n][0]["training"]}
    assert same == digests == unchanged


def test_a_model_without_a_score_is_validated_in_the_folds_of_the_first_that_selects(
    tables: Tables, made: Made
) -> None:
    """Not in those of fine-tuned networks, whichever row stands first."""
    around = tables.scores["around"]
    parts: Any = {"tuned": {**around.parts["around"], "kind": "finetuned"}}
    other = around.crossfit.assign(fold=(around.crossfit["fold"] + 1) // 2)
    behind = Tables(
        tables.included,
        {"tuned": replace(around, parts=parts, crossfit=other), **tables.scores},
    )
    again = fit_all(behind, {"clinical": SPECS["clinical"]})
    assert_frame_equal(again["clinical"][1], made["clinical"][1])
