import json
import math
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from tests.scripts import run_script
from tests.unit.selection.study import CLINICAL, SETTINGS, draw

from microcalc.config.clinical_settings import ClinicalVariable, ScreeningSettings
from microcalc.config.cohort_settings import Labels
from microcalc.config.model_settings import ModelSettings, ThresholdSettings
from microcalc.core.errors import StudyError
from microcalc.core.files import write_csv, write_json
from microcalc.features.columns import feature_names
from microcalc.models import equation, frozen, logistic, provenance, threshold
from microcalc.models.fit import fit_model
from microcalc.models.predict import COLUMNS, collect, predict, score_table
from microcalc.models.recipe import Recipe, ScoreInput
from microcalc.models.training_tables import ScoreTables, Tables
from microcalc.selection.select import select
from microcalc.selection.training import joined

SCREENING = ScreeningSettings(indicator_from=None)
LABELS = Labels(negative="DCIS", positive="IDC")
YOUDEN = ThresholdSettings()
WEIGHTS = {"backbone": "resnet18", "source": "random", "digest": "0" * 64}
IMAGES = {"spacing_mm": 0.1, "patch_mm": 22.4, "thumbnail_px": 256}
POOLED = {"precision": "float32", "pool_views": "mean", "harmonize": "none"}
EXTRACTION: dict[str, Any] = {"layers": ["penultimate"], **POOLED}
MADE = {
    "kind": "network",
    "images": IMAGES,
    "measured_in": "network_features",
    "features": EXTRACTION,
}
PREPROCESSING = provenance.preprocessing(IMAGES, "network_features", EXTRACTION)
PART: frozen.TablePart = {
    "kind": "network",
    "weights": WEIGHTS,
    "preprocessing": PREPROCESSING,
}
SPECS: dict[str, dict[str, Any]] = {
    "clinical": {"clinical": "screened"},
    "deep": {"scores": ["deep"]},
    "combined": {"clinical": "screened", "scores": ["deep"]},
    "age_alone": {"clinical": ["age"]},
}


def recipe(name: str, **changes: Any) -> Recipe:
    given: dict[str, Any] = {"clinical": CLINICAL, "screening": SCREENING}
    given |= {"training_scores": "out_of_fold", "seed": 0} | changes
    spec = ModelSettings.of(given.pop("spec", None) or SPECS.get(name, {}))
    return Recipe(name, spec, **given)


def screening(**changes: Any) -> ScreeningSettings:
    return SCREENING.model_copy(update=changes)


def score_of(included: pd.DataFrame, features: pd.DataFrame, *tables: str) -> ScoreTables:
    """Return all of a score that selects among features; its tables are called so, or deep."""
    tables = tables or ("deep",)
    chosen = select(included, features, settings=SETTINGS, seed=1)
    return ScoreTables(
        "lasso",
        dict.fromkeys(tables, PART),
        *(features, chosen.chain.selected, chosen.crossfit, chosen.crossfit_selected),
    )


def tables_of(included: pd.DataFrame, features: pd.DataFrame) -> Tables:
    """Return the tables of a study with one set and one score, both called deep."""
    return Tables(included, {"deep": score_of(included, features)})


def deep(tables: Tables) -> ScoreTables:
    return tables.scores["deep"]


def changed(tables: Tables, **changes: Any) -> Tables:
    """Return the tables with the score deep changed."""
    return replace(tables, scores={**tables.scores, "deep": replace(deep(tables), **changes)})


def columns(tables: Tables) -> dict[str, pd.DataFrame]:
    """Return the features of scores of one set each, by table of columns."""
    return {table: own.features for own in tables.scores.values() for table in own.parts}


@pytest.fixture(scope="module")
def tables() -> Tables:
    return tables_of(*draw())


@pytest.fixture(scope="module")
def models(tables: Tables) -> dict[str, Any]:
    return {n: fit_model(recipe(n), tables, threshold=YOUDEN, labels=LABELS) for n in SPECS}


def out_of_fold(tables: Tables, score: str = "deep") -> pd.DataFrame:
    """Return the scores by chains that did not see the case's own fold."""
    crossfit = tables.scores[score].crossfit
    return crossfit[crossfit["fold"] == crossfit["also_left_out"]]


def oof(training: pd.DataFrame) -> np.ndarray:
    return training.loc[training["kind"] == "out_of_fold", "probability"].to_numpy()


def auc(y: np.ndarray, score: np.ndarray) -> float:
    difference = score[y == 1][:, None] - score[y == 0][None]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def arithmetic(text: str, case: dict[str, Any], features: dict[str, float]) -> float:
    """Score one case with the json module and arithmetic, as another program would."""
    model = json.loads(text)
    scores = {}
    for score in model["scores"]:
        total = score["intercept"]
        for feature in score["features"]:
            x = features[feature["name"]]
            total += feature["coefficient"] * (x - feature["mean"]) / feature["sd"]
        scores[f"{score['name']}_score"] = total
    logit = model["intercept"]
    for term in model["terms"]:
        if term["kind"] == "score":
            logit += term["coefficient"] * scores[term["variable"]]
        elif term["kind"] == "continuous":
            value = case[term["variable"]]
            absent = value in ("", None)
            value = term["if_missing"] if absent else float(value)
            logit += term["coefficient"] * value
            if "spline" in term:
                logit += bends(value, **term["spline"])
        else:
            level = case[term["variable"]]
            absent = level != term["reference"] and level not in term["coefficients"]
            level = term["if_missing"] if absent else level
            logit += term["coefficients"].get(level, 0.0)
        if "missing_coefficient" in term and absent:
            logit += term["missing_coefficient"]
    return 1 / (1 + math.exp(-logit))


def bends(x: float, knots: list[float], coefficients: list[float]) -> float:
    first, before, last = knots[0], knots[-2], knots[-1]
    total = 0.0
    for t, coefficient in zip(knots, coefficients, strict=False):
        column = max(x - t, 0) ** 3
        column -= max(x - before, 0) ** 3 * (last - t) / (last - before)
        column += max(x - last, 0) ** 3 * (before - t) / (last - before)
        total += coefficient * column / (last - first) ** 2
    return total


@pytest.mark.parametrize("name", SPECS)
def test_json_and_arithmetic_suffice(tables: Tables, models: dict, name: str) -> None:
    check_arithmetic(models[name][0], tables)


def check_arithmetic(model: dict, tables: Tables) -> None:
    check_predictions(model, tables.included, columns(tables))


def check_predictions(
    model: dict, included: pd.DataFrame, by_table: dict[str, pd.DataFrame]
) -> None:
    predicted = predict([model], included, by_table)["probability"]
    cases = included.astype(object).where(included.notna(), None).to_dict("records")
    features = joined([*by_table.values()])
    features = features.astype(dict.fromkeys(feature_names(features.columns), float))
    text = json.dumps(model)
    for p, case, row in zip(predicted, cases, features.to_dict("records"), strict=True):
        assert p == pytest.approx(arithmetic(text, case, row), abs=1e-12)


CURVED = {
    "age": ClinicalVariable(kind="continuous", knots=4),
    "birads": CLINICAL["birads"].model_copy(update={"kind": "ordinal"}),
    "palpable": CLINICAL["palpable"],
}
RICH = screening(indicator_from=1, merge_levels_below=25)


def test_splines_ordinal_merged_and_missing_values_need_no_more_than_arithmetic(
    tables: Tables,
) -> None:
    spec = {"clinical": ["age", "birads", "palpable"], "scores": ["deep"]}
    how = recipe("combined", spec=spec, clinical=CURVED, screening=RICH)
    model, training = fit_model(how, tables, threshold=YOUDEN, labels=LABELS)
    age, birads, palpable, _ = model["terms"]
    assert len(age["spline"]["coefficients"]) == 2
    steps = [0.0, *birads["coefficients"].values()]
    assert len(set(steps)) < len(steps)  # two levels were merged, the others are evenly spaced
    np.testing.assert_allclose(np.diff(sorted(set(steps)))[0], np.diff(sorted(set(steps))))
    assert "missing_coefficient" in palpable
    check_arithmetic(model, tables)
    again = predict([model], tables.included, columns(tables)).set_index("case_id")
    apparent = training[training["kind"] == "apparent"].set_index("case_id")["probability"]
    np.testing.assert_allclose(again.loc[apparent.index, "probability"], apparent, atol=1e-12)


def test_deep_features_one_by_one(tables: Tables) -> None:
    spec = {"clinical": ["age"], "features_of": ["deep"]}
    how = recipe("combined", spec=spec)
    model, training = fit_model(how, tables, threshold=YOUDEN, labels=LABELS)
    rows = tables.included[tables.included["split"] == "train"].sort_values("case_id")
    chosen = deep(tables).selected.iloc[1:]
    values = deep(tables).features.set_index("case_id").loc[rows["case_id"], chosen["feature"]]
    X = np.column_stack([rows["age"].astype(float), values.to_numpy(dtype=float)])
    expected = logistic.fit(X, rows["y"], names=["age", *chosen["feature"]])
    per_unit = [f["coefficient"] / f["sd"] for f in model["scores"][0]["features"]]
    np.testing.assert_allclose(per_unit, expected.coefficients[2:], rtol=1e-6)
    assert model["terms"][0]["coefficient"] == pytest.approx(expected.coefficients[1], rel=1e-6)
    assert model["notes"][0].startswith("apparent: ")
    check_arithmetic(model, tables)
    assert auc(rows["y"].to_numpy(), oof(training)) > 0.6


def test_apparent_scores_are_fitted_on_and_labeled(tables: Tables, models: dict) -> None:
    how = recipe("combined", training_scores="apparent")
    model, _ = fit_model(how, tables, threshold=YOUDEN, labels=LABELS)
    assert model["notes"][0].startswith("apparent: ")
    # In-sample scores look better than they are, so that less shrinkage seems right.
    assert model["terms"][-1]["coefficient"] > models["combined"][0]["terms"][-1]["coefficient"]
    alone, _ = fit_model(recipe("deep", training_scores="apparent"), tables,
                         threshold=YOUDEN, labels=LABELS)  # fmt: skip
    assert alone["notes"] == []  # the deep model is the LASSO's score either way


def test_an_external_score_is_brought_to_probabilities(tables: Tables) -> None:
    how = recipe("age_alone", spec={"kind": "external_score", "column": "age"})
    model, _ = fit_model(how, tables, threshold=YOUDEN, labels=LABELS)
    same, _ = fit_model(recipe("age_alone"), tables, threshold=YOUDEN, labels=LABELS)
    assert (model["intercept"], model["terms"]) == (same["intercept"], same["terms"])


def test_each_model_takes_its_own_score(tables: Tables, tmp_path: Path) -> None:
    other_features = deep(tables).features.rename(
        columns=lambda name: name.replace("deep", "other")
    )
    names = [name for name in other_features if name.startswith("other_")]
    other_features[names] = other_features[names[::-1]].to_numpy() * 3 + 1
    two = replace(
        tables,
        scores={**tables.scores, "second": score_of(tables.included, other_features, "other")},
    )
    made = {name: fit_model(recipe(name, spec={"scores": [name]}), two, threshold=YOUDEN,
                            labels=LABELS) for name in two.scores}  # fmt: skip
    assert [part["name"] for part in made["second"][0]["scores"]] == ["second"]
    assert list(made["second"][0]["tables"]) == ["other"]
    paths = []
    for name, (model, training) in made.items():
        paths.append((tmp_path / f"{name}.json", tmp_path / f"{name}.csv"))
        write_json(model, paths[-1][0])
        write_csv(training, paths[-1][1])
    found = collect(*zip(*paths, strict=True), two.included, columns(two))
    exported = score_table(
        two.included,
        columns(two),
        {"deep": {"tables": ["deep"]}, "second": {"tables": ["other"]}},
        selected={name: own.selected for name, own in two.scores.items()},
        crossfit={name: own.crossfit for name, own in two.scores.items()},
    )
    for name in made:
        rows = found[found["model"] == name].merge(
            exported[exported["score"] == name], on=["case_id", "kind"], validate="1:1"
        )
        assert len(rows) == (found["model"] == name).sum()
        np.testing.assert_allclose(rows["probability"], 1 / (1 + np.exp(-rows["value"])))


def test_screening_without_a_variable(tables: Tables, models: dict) -> None:
    assert "birads" in [term["variable"] for term in models["clinical"][0]["terms"]]
    spec = {"clinical": "screened", "without": ["birads"]}
    model, _ = fit_model(recipe("clinical", spec=spec), tables, threshold=YOUDEN, labels=LABELS)
    assert "birads" not in [term["variable"] for term in model["terms"]]


def test_imputed_fits_are_pooled(tables: Tables) -> None:
    multiple = screening(missing="multiple", imputations=3)
    spec = {"clinical": ["age", "palpable"], "scores": ["deep"]}
    how = recipe("combined", spec=spec, screening=multiple)
    model, training = fit_model(how, tables, threshold=YOUDEN, labels=LABELS)
    assert "3 imputations pooled" in model["method"]
    check_arithmetic(model, tables)
    assert np.isfinite(oof(training)).all()


def test_the_deep_model_is_the_score(tables: Tables, models: dict) -> None:
    model, training = models["deep"]
    plain = out_of_fold(tables)
    expected = 1 / (1 + np.exp(-plain.sort_values("case_id")["score"].to_numpy()))
    np.testing.assert_allclose(oof(training), expected, rtol=1e-12)
    assert (model["intercept"], model["terms"][0]["coefficient"]) == (0.0, 1.0)


def test_the_combined_model_is_fitted_on_out_of_fold_scores(tables: Tables, models: dict) -> None:
    model, training = models["combined"]
    rows = tables.included[tables.included["split"] == "train"].sort_values("case_id")
    plain = out_of_fold(tables)
    score = plain.sort_values("case_id")["score"].to_numpy()
    coding = equation.from_json(model).design
    X = coding.matrix(rows.assign(deep_score=score))
    fitted = logistic.fit(X, rows["y"], names=coding.columns)
    assert model["intercept"] == pytest.approx(fitted.coefficients[0], abs=1e-12)
    assert model["terms"][-1]["coefficient"] == pytest.approx(fitted.coefficients[-1], abs=1e-12)
    # In-sample scores would have been trusted more than they deserve.
    assert auc(rows["y"].to_numpy(), oof(training)) < auc(
        rows["y"].to_numpy(),
        training.loc[training["kind"] == "apparent", "probability"].to_numpy(),
    )


def test_nested_out_of_fold_predictions_by_hand(tables: Tables, models: dict) -> None:
    how = recipe("combined")
    rows = tables.included[tables.included["split"] == "train"].sort_values("case_id")
    crossfit = deep(tables).crossfit
    grid = crossfit.set_index(["case_id", "also_left_out"])["score"]
    fold = crossfit.drop_duplicates("case_id").set_index("case_id")["fold"]
    j = 2
    scores = np.array([grid[case, j] for case in rows["case_id"]])
    out = fold.loc[rows["case_id"]].to_numpy() == j
    kept = deep(tables).crossfit_selected
    given = ScoreInput(
        "deep", "lasso", scores[~out], kept[kept["fold"] == j], deep(tables).features
    )
    fitted = how.fit(rows[~out], {"deep": given})
    scored = rows[out].assign(deep_score=scores[out])
    expected = 1 / (1 + np.exp(-fitted.equation.linear_predictor(scored)))
    np.testing.assert_allclose(oof(models["combined"][1])[out], expected, rtol=1e-12)


def test_the_threshold_is_that_of_the_scores_named(tables: Tables, models: dict) -> None:
    y = tables.included[tables.included["split"] == "train"].sort_values("case_id")["y"]
    model, training = models["combined"]
    assert model["threshold"] == threshold.choose(y, oof(training), rule="youden").value
    apparent, _ = fit_model(
        recipe("combined"), tables, threshold=ThresholdSettings(scores="apparent"), labels=LABELS
    )
    assert apparent["threshold"] != model["threshold"]
    assert "optimistic" in apparent["notes"][0]


def test_validation_cases_change_no_fitted_number(tables: Tables, models: dict) -> None:
    outside = (tables.included["split"] != "train").to_numpy()
    included, features = tables.included.copy(), deep(tables).features.copy()
    included.loc[outside, ["age", "birads", "palpable"]] = ["30", "5", "yes"]
    included.loc[outside, "y"] = 1 - included.loc[outside, "y"]
    features.loc[outside, "deep_0000":] = 7.0
    again = tables_of(included, features)
    for name, (model, training) in models.items():
        other, other_training = fit_model(recipe(name), again, threshold=YOUDEN, labels=LABELS)
        assert json.dumps(other) == json.dumps(model)
        assert_frame_equal(other_training, training)


@pytest.mark.parametrize("change", ["feature", "clinical", "label"])
def test_training_cases_change_the_digest(tables: Tables, models: dict, change: str) -> None:
    inside = np.flatnonzero(tables.included["split"] == "train")[0]
    included, features = tables.included.copy(), deep(tables).features.copy()
    if change == "feature":
        features.iloc[inside, -2] += 1
    elif change == "clinical":
        included.loc[inside, "age"] = "31"
    else:
        included.loc[inside, "y"] = 1 - included.loc[inside, "y"]
    again = tables_of(included, features)
    model, _ = fit_model(recipe("combined"), again, threshold=YOUDEN, labels=LABELS)
    assert model["training"]["digest"] != models["combined"][0]["training"]["digest"]


def test_nothing_survives_the_screening(tables: Tables) -> None:
    strict = screening(p_univariable=1e-12)
    model, training = fit_model(
        recipe("clinical", screening=strict), tables, threshold=YOUDEN, labels=LABELS
    )
    assert model["terms"] == []
    assert model["notes"] == ["no clinical variable was kept"]
    prevalence = tables.included.loc[tables.included["split"] == "train", "y"].mean()
    apparent = training.loc[training["kind"] == "apparent", "probability"]
    np.testing.assert_allclose(apparent, prevalence, rtol=1e-12)
    combined, _ = fit_model(
        recipe("combined", screening=strict), tables, threshold=YOUDEN, labels=LABELS
    )
    assert [term["kind"] for term in combined["terms"]] == ["score"]


def test_an_empty_selection_makes_the_combined_model_clinical(tables: Tables) -> None:
    crossfit, kept = deep(tables).crossfit, deep(tables).crossfit_selected
    bare = changed(
        tables,
        selected=deep(tables).selected.iloc[:1],
        crossfit=crossfit.assign(score=0.1 * crossfit["also_left_out"]),
        crossfit_selected=kept[kept["feature"] == "(intercept)"],
    )
    combined, _ = fit_model(recipe("combined"), bare, threshold=YOUDEN, labels=LABELS)
    clinical, _ = fit_model(recipe("clinical"), bare, threshold=YOUDEN, labels=LABELS)
    assert combined["terms"] == clinical["terms"]
    assert (combined["scores"], combined["tables"]) == ([], {})
    assert "kept no feature" in combined["notes"][0]
    alone, _ = fit_model(recipe("deep"), bare, threshold=YOUDEN, labels=LABELS)
    assert alone["scores"][0]["features"] == []


def test_more_features_than_the_rarer_class_has_cases_is_said(tables: Tables) -> None:
    selected = deep(tables).selected
    names = [f"deep_{j:04d}" for j in range(2, 62)]
    features = deep(tables).features.assign(**dict.fromkeys(names, 1.0))
    row = selected.iloc[1:2]
    others = [row.assign(feature=name) for name in names if name not in set(selected["feature"])]
    many = pd.concat([selected, *others], ignore_index=True)
    model, _ = fit_model(
        *(recipe("deep"), changed(tables, selected=many, features=features)),
        threshold=YOUDEN,
        labels=LABELS,
    )
    y = tables.included.loc[tables.included["split"] == "train", "y"]
    assert model["notes"][0] == (
        f"{len(many) - 1} deep features were selected, more than the {(y == 0).sum()} cases of the "
        "rarer class"
    )


def test_a_model_of_nothing_is_refused(tables: Tables) -> None:
    with pytest.raises(StudyError, match="neither clinical variables nor a score"):
        fit_model(recipe("nothing"), tables, threshold=YOUDEN, labels=LABELS)


def test_stale_crossfit_scores_are_noticed(tables: Tables) -> None:
    crossfit = deep(tables).crossfit
    first = crossfit["case_id"].iloc[0]
    other = changed(tables, crossfit=crossfit[crossfit["case_id"] != first])
    with pytest.raises(StudyError, match=f"case {first}"):
        fit_model(recipe("deep"), other, threshold=YOUDEN, labels=LABELS)


def test_random_labels_teach_nothing() -> None:
    found: dict[str, list[float]] = {name: [] for name in ("clinical", "deep", "combined")}
    for seed in range(3):
        tables = tables_of(*draw(seed + 50, effect=0.0, p=30, n=120))
        y = tables.included[tables.included["split"] == "train"].sort_values("case_id")["y"]
        for name, values in found.items():
            _, training = fit_model(recipe(name), tables, threshold=YOUDEN, labels=LABELS)
            values.append(auc(y.to_numpy(), oof(training)))
    for name, values in found.items():
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        assert abs(np.mean(values) - 0.5) < max(3 * error, 0.05), name


def write_inputs(folder: Path, tables: Tables) -> dict[str, Path]:
    paths = {
        name: folder / f"{name}.csv"
        for name in (*("included", "selected", "crossfit", "crossfit_selected"),)
    } | {
        "features": folder / "features.parquet",
        "weights": folder / "resnet18.safetensors",
    }
    write_csv(tables.included.assign(n_images=2, status="included", reason=""), paths["included"])
    write_csv(deep(tables).selected, paths["selected"])
    write_csv(deep(tables).crossfit, paths["crossfit"])
    write_csv(deep(tables).crossfit_selected, paths["crossfit_selected"])
    deep(tables).features.to_parquet(paths["features"])
    header = json.dumps({"__metadata__": WEIGHTS}).encode()
    paths["weights"].write_bytes(struct.pack("<Q", len(header)) + header)
    return paths


def test_the_scripts(tmp_path: Path, tables: Tables, models: dict) -> None:
    inputs = write_inputs(tmp_path, tables)
    names = ["clinical", "deep", "combined"]
    run_script(
        "fit_models",
        log=tmp_path / "log",
        input={name: [path] for name, path in inputs.items()}
        | {"included": inputs["included"], "adapted": []},
        output={
            "models": [tmp_path / f"{name}.json" for name in names],
            "training": [tmp_path / f"{name}.training.csv" for name in names],
        },
        params={
            "models": {name: SPECS[name] for name in names},
            "clinical": {name: variable.plain() for name, variable in CLINICAL.items()},
            "screening": SCREENING.plain(),
            "threshold": YOUDEN.plain(),
            "labels": LABELS.plain(),
            "training_scores": "out_of_fold",
            "scores": {"deep": {"tables": ["deep"], "learner": "lasso"}},
            "preprocessing": {"deep": MADE},
            "weighted": ["deep"],
            "adapted": [],
            "seed": 0,
        },
    )
    for name in names:
        assert json.loads((tmp_path / f"{name}.json").read_text()) == models[name][0]
    run_script(
        "predict",
        log=tmp_path / "log",
        input={
            "included": inputs["included"],
            **{name: [inputs[name]] for name in ("features", "selected", "crossfit")},
            "models": [tmp_path / f"{name}.json" for name in names],
            "training": [tmp_path / f"{name}.training.csv" for name in names],
        },
        output={name: tmp_path / f"{name}.csv" for name in ("predictions", "scores")},
        params={
            "tables": ["deep"],
            "scores": {"deep": {"tables": ["deep"], "learner": "lasso"}},
            "harmonize": "none",
        },
    )
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert set(scores["score"]) == {"deep"}
    alone = scores.merge(pd.read_csv(tmp_path / "predictions.csv").query("model == 'deep'"))
    assert len(alone) == len(scores)
    np.testing.assert_allclose(alone["probability"], 1 / (1 + np.exp(-alone["value"])))
    predictions = pd.read_csv(tmp_path / "predictions.csv")
    assert predictions.columns.tolist() == list(COLUMNS)
    kinds = predictions.groupby(["split", "kind"]).size().to_dict()
    sizes = tables.included["split"].value_counts()
    assert kinds == {
        ("external", "held_out"): 3 * sizes["external"],
        ("internal", "held_out"): 3 * sizes["internal"],
        ("train", "apparent"): 3 * sizes["train"],
        ("train", "out_of_fold"): 3 * sizes["train"],
    }
    assert predictions["probability"].between(0, 1).all()
