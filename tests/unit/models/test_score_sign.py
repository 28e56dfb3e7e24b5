"""The deep score beside other predictors: never with a negative coefficient."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.unit.models.test_fit import (
    LABELS,
    YOUDEN,
    changed,
    deep,
    oof,
    out_of_fold,
    recipe,
    screening,
    tables_of,
)
from tests.unit.selection.study import draw

from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.models import logistic, notes
from microcalc.models.fit import fit_model
from microcalc.models.predict import predict
from microcalc.models.recipe import ScoreInput
from microcalc.models.training_tables import Tables

SPEC = {"clinical": ["age"], "scores": ["deep"]}


@pytest.fixture(scope="module")
def tables() -> Tables:
    return tables_of(*draw())


@pytest.fixture(scope="module")
def turned(tables: Tables) -> Tables:
    """Return tables whose cross-fitted scores point the wrong way, those of the final chain not."""
    crossfit = deep(tables).crossfit
    return changed(tables, crossfit=crossfit.assign(score=-crossfit["score"]))


def fitted(tables: Tables, name: str, **changes: Any) -> tuple[dict[str, Any], pd.DataFrame]:
    return fit_model(recipe(name, **changes), tables, threshold=YOUDEN, labels=LABELS)


def training(tables: Tables) -> pd.DataFrame:
    rows = tables.included[tables.included["split"] == "train"]
    return rows.sort_values("case_id").reset_index(drop=True)


def scores(tables: Tables) -> np.ndarray:
    return out_of_fold(tables).sort_values("case_id")["score"].to_numpy()


def test_a_score_that_points_the_wrong_way_is_left_out(tables: Tables, turned: Tables) -> None:
    model, out_of_fold = fitted(turned, "combined")
    clinical, of_clinical = fitted(turned, "clinical")
    assert model["scores"] == []
    for part in ("intercept", "terms", "method", "threshold"):
        assert model[part] == clinical[part]
    assert np.array_equal(oof(out_of_fold), oof(of_clinical))
    # A frozen model without the score needs no images.
    new = tables.included[tables.included["split"] == "external"]
    found, expected = (predict([one], new, {})["probability"] for one in (model, clinical))
    assert np.array_equal(found, expected)
    assert [score["name"] for score in fitted(tables, "combined")[0]["scores"]] == ["deep"]


def test_the_note_has_the_coefficient_of_the_free_fit(turned: Tables) -> None:
    rows = training(turned)
    X = np.column_stack([rows["age"].astype(float), scores(turned)])
    free = logistic.fit(X, rows["y"], names=["age", "deep_score"]).coefficients[-1]
    assert free < 0
    model, _ = fitted(turned, "combined", spec=SPEC)
    (note,) = [note for note in model["notes"] if note.startswith(f"the deep {notes.LEFT_OUT}")]
    assert f"({free:.2g})" in note


def test_beside_no_clinical_variable_nothing_is_left(turned: Tables) -> None:
    strict = screening(p_univariable=1e-12)
    model, _ = fitted(turned, "combined", screening=strict)
    prevalence = training(turned)["y"].mean()
    assert model["terms"] == []
    assert model["intercept"] == pytest.approx(np.log(prevalence / (1 - prevalence)))
    assert [note.split(":")[0] for note in model["notes"]] == [
        notes.NO_CLINICAL,
        f"the deep {notes.LEFT_OUT}",
    ]


def test_every_fold_decides_for_itself(tables: Tables) -> None:
    """To predict fold j, what the scores without j say counts, whatever the other fits do."""
    crossfit = deep(tables).crossfit
    grid = crossfit.set_index(["case_id", "also_left_out"])["score"]
    score, second = crossfit["score"], crossfit["also_left_out"] == 2
    mixed = changed(tables, crossfit=crossfit.assign(score=score.where(~second, -score)))
    model, out_of_fold = fitted(mixed, "combined")
    assert [part["name"] for part in model["scores"]] == ["deep"]
    rows = training(tables)
    fold = crossfit.drop_duplicates("case_id").set_index("case_id")["fold"]
    fold = fold.loc[rows["case_id"]].to_numpy()
    others = [np.array([grid[case, j] for case in rows["case_id"]]) for j in (1, 2)]
    for j, score, names in ((1, others[0], {"deep_score"}), (2, -others[1], set())):
        out = fold == j
        kept = deep(mixed).crossfit_selected
        chain = kept[kept["fold"] == j]
        given = ScoreInput("deep", "lasso", score[~out], chain, deep(mixed).features)
        own = recipe("combined").fit(rows[~out].reset_index(drop=True), {"deep": given})
        terms = own.equation.design.terms
        assert {term.variable for term in terms if term.kind == "score"} == names
        expected = own.linear_predictor(rows[out], {"deep": deep(mixed).features})
        found = oof(out_of_fold)[out]
        np.testing.assert_allclose(np.log(found / (1 - found)), expected, rtol=1e-9)


@pytest.mark.parametrize("missing", ["impute", "complete-case", "multiple"])
def test_however_missing_values_are_met(turned: Tables, missing: str) -> None:
    spec = {"clinical": ["age", "palpable"], "scores": ["deep"]}
    how = screening(missing=missing, imputations=3)
    model, _ = fitted(turned, "combined", spec=spec, screening=how)
    assert [term["variable"] for term in model["terms"]] == ["age", "palpable"]
    assert any(note.startswith(f"the deep {notes.LEFT_OUT}") for note in model["notes"])


def test_a_score_that_separates_the_classes_the_wrong_way(turned: Tables) -> None:
    """Firth's estimate is negative too; without the score nothing separates."""
    label = turned.included.set_index("case_id")["y"]
    crossfit = deep(turned).crossfit
    wrong = 1.0 - 2.0 * label[crossfit["case_id"]].to_numpy()
    perfect = changed(turned, crossfit=crossfit.assign(score=wrong))
    model, _ = fitted(perfect, "combined", spec=SPEC)
    assert model["scores"] == []
    assert "Firth" not in model["method"]


def test_a_score_that_says_nothing_is_left_out(tables: Tables) -> None:
    same = changed(tables, crossfit=deep(tables).crossfit.assign(score=0.25))
    model, _ = fitted(same, "combined", spec=SPEC)
    assert [term["variable"] for term in model["terms"]] == ["age"]


def test_features_one_by_one_and_foreign_scores_are_free(tables: Tables) -> None:
    """Nobody said beforehand in which direction they point."""
    flipped = deep(tables).features.copy()
    name = deep(tables).selected["feature"].iloc[1]
    flipped[name] = -flipped[name]
    kept, _ = fitted(tables, "combined", spec={"clinical": ["age"], "features_of": ["deep"]})
    other, _ = fitted(
        changed(tables, features=flipped),
        "combined",
        spec={"clinical": ["age"], "features_of": ["deep"]},
    )
    first, second = (model["scores"][0]["features"][0]["coefficient"] for model in (kept, other))
    # Means and SDs are those of `selected`, so that a mirrored feature mirrors its coefficient.
    assert first == pytest.approx(-second, rel=1e-6)
    included = tables.included.assign(suspicion=(1 - 2 * tables.included["y"]).astype(float))
    included["suspicion"] += np.random.default_rng(1).normal(0, 2, len(included))
    external = {"kind": "external_score", "column": "suspicion"}
    how = {
        "spec": external,
        "clinical": {"suspicion": ClinicalVariable(kind="continuous", candidate=False)},
    }
    model, _ = fitted(replace(tables, included=included), "reader", **how)
    assert model["terms"][0]["coefficient"] < 0


@pytest.mark.parametrize(
    ("n_selected", "counts", "expected"),
    [
        (18, [0, 14, 12, 17, 20], True),  # a fold that kept none
        (18, [5, 6, 4, 20, 7], True),  # a median under half
        (3, [9, 8, 2, 7, 10], True),  # a median over twice
        (18, [9, 9, 14, 20, 36], False),
        (1, [1, 1, 2, 2, 1], False),
        (0, [0, 3, 0, 4, 0], False),  # no model takes that score
    ],
)
def test_selections_unlike_the_final_one(
    n_selected: int, counts: list[int], expected: bool
) -> None:
    assert notes.unlike(n_selected, counts) is expected


def test_models_with_deep_features_say_that_folds_kept_none(tables: Tables) -> None:
    kept = deep(tables).crossfit_selected
    none = kept[(kept["fold"] != 1) | (kept["feature"] == "(intercept)")]
    bare = changed(tables, crossfit_selected=none)
    counts = none.groupby("fold").size() - 1
    told = f"kept {', '.join(map(str, counts[:-1]))} and {counts.iloc[-1]}"
    assert counts[1] == 0
    for name in ("deep", "combined"):
        (note,) = [n for n in fitted(bare, name)[0]["notes"] if n.startswith(notes.UNLIKE)]
        assert told in note
    for name, kept_by in (("clinical", bare), ("combined", tables)):
        said = fitted(kept_by, name)[0]["notes"]
        assert not any(note.startswith(notes.UNLIKE) for note in said)
