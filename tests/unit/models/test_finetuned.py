"""Models that take the scores of fine-tuned networks, and the choice among deep models."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score
from tests.unit.models.test_fit import LABELS, PART, YOUDEN, recipe
from tests.unit.selection.study import draw

from microcalc.core.errors import StudyError
from microcalc.core.files import write_json
from microcalc.features.finetune import network_folds
from microcalc.models import choice, notes
from microcalc.models.equation import LEAST_SLOPE, logit_calibrated
from microcalc.models.fit import fit_model
from microcalc.models.predict import predict
from microcalc.models.training_tables import ScoreTables, Tables
from microcalc.selection import finetuned

SPEC = {"scores": ["tuned"]}


@pytest.fixture(scope="module")
def tables() -> Tables:
    included, _ = draw()
    random = np.random.default_rng(3)
    own = {f"tuned_{k:04d}": 3 + 4 * random.normal(included.y, 1) for k in range(3)}
    logits = pd.DataFrame({"case_id": included.case_id, "n_views": 1, **own})
    selected, crossfit = finetuned.of_logits(
        network_folds.deal(included, n_folds=3, seed=1), logits
    )
    made = (logits, selected, crossfit.scores, crossfit.selected)
    return Tables(included, {"tuned": ScoreTables("network", {"tuned/logits": PART}, *made)})


def own(tables: Tables) -> ScoreTables:
    return tables.scores["tuned"]


def test_a_score_is_calibrated_on_out_of_fold_logits_and_taken_from_the_mean(
    tables: Tables,
) -> None:
    model, training = fit_model(recipe("tuned", spec=SPEC), tables, threshold=YOUDEN, labels=LABELS)
    (part,) = model["scores"]
    assert (part["learner"], part["tables"]) == ("network", ["tuned/logits"])
    crossfit = own(tables).crossfit
    plain = crossfit[crossfit.fold == crossfit.also_left_out]
    y = tables.included.set_index("case_id").y[plain.case_id].to_numpy()
    wanted = logit_calibrated("tuned", plain.score.to_numpy(), y)
    assert model["intercept"] == pytest.approx(wanted.intercept, abs=1e-9)
    assert model["terms"][0]["coefficient"] == pytest.approx(wanted.coefficients[0], abs=1e-9)
    rest = tables.included[tables.included.split != "train"]
    found = predict([model], rest, {"tuned/logits": own(tables).features}).probability
    logits = own(tables).features.set_index("case_id").loc[rest.case_id].drop(columns="n_views")
    mean = logits.mean(axis=1).to_numpy()
    expected = expit(model["intercept"] + model["terms"][0]["coefficient"] * mean)
    assert found.to_numpy() == pytest.approx(expected)
    out = training[training.kind == "out_of_fold"].set_index("case_id").probability
    for k in range(3):
        mine, rest_of = plain[plain.fold == k], plain[plain.fold != k]
        labels = tables.included.set_index("case_id").y
        fitted = logit_calibrated(
            "tuned", rest_of.score.to_numpy(), labels[rest_of.case_id].to_numpy()
        )
        log_odds = fitted.intercept + fitted.coefficients[0] * mine.score.to_numpy()
        assert logit(out[mine.case_id].to_numpy()) == pytest.approx(log_odds)


def test_a_score_that_is_upside_down_is_not_turned_round() -> None:
    random = np.random.default_rng(1)
    y = np.arange(200) % 5 // 3
    score = random.normal(-2.0 * y, 1)
    equation = logit_calibrated("tuned", score, y)
    assert equation.coefficients == (LEAST_SLOPE,)
    probability = expit(equation.intercept + LEAST_SLOPE * score)
    assert probability.mean() == pytest.approx(y.mean(), abs=1e-9)
    assert roc_auc_score(y, probability) == roc_auc_score(y, score)


@pytest.fixture
def candidates(tables: Tables, tmp_path: Path) -> list[Path]:
    paths = []
    plain = replace(own(tables), parts={"plain": PART})
    both = replace(tables, scores={**tables.scores, "plain": plain})
    for name in ("plain", "tuned"):
        made = recipe(name, spec={"scores": [name]})
        model, _ = fit_model(made, both, threshold=YOUDEN, labels=LABELS)
        paths.append(tmp_path / f"{name}.json")
        write_json(model, paths[-1])
    return paths


def test_the_choice_is_made_on_internal_cases_alone(tables: Tables, candidates: list[Path]) -> None:
    included = tables.included
    features = {
        "plain": own(tables).features.assign(tuned_0000=0.0, tuned_0001=0.0, tuned_0002=0.0),
        "tuned/logits": own(tables).features,
    }
    found = choice.on_internal(candidates, included, features)
    internal = included[included.split == "internal"]
    assert (found["chosen"], found["score"]) == ("tuned", "tuned")
    assert [c["score"] for c in found["candidates"]] == ["plain", "tuned"]
    assert found["selected_on"] == "internal"
    assert found["n"] == len(internal)
    mean = own(tables).features.set_index("case_id").loc[internal.case_id].filter(like="tuned_")
    wanted = roc_auc_score(internal.y, mean.mean(axis=1))
    assert [c["auc"] for c in found["candidates"]] == pytest.approx([0.5, wanted])
    others = included.assign(y=included.y.where(included.split == "internal", 1 - included.y))
    spoiled = {name: table.copy() for name, table in features.items()}
    for table in spoiled.values():
        rest = ~table.case_id.isin(internal.case_id)
        table.loc[rest, ["tuned_0000", "tuned_0001"]] = np.nan
    assert json.dumps(choice.on_internal(candidates, others, spoiled)) == json.dumps(found)


def test_of_equals_the_first_is_chosen_and_one_is_no_choice(
    tables: Tables, candidates: list[Path]
) -> None:
    same = {"plain": own(tables).features, "tuned/logits": own(tables).features}
    assert choice.on_internal(candidates, tables.included, same)["chosen"] == "plain"
    alone = choice.on_internal(candidates[1:], tables.included, same)
    assert (alone["chosen"], alone["selected_on"]) == ("tuned", None)


def test_without_internal_cases_nothing_can_be_chosen(
    tables: Tables, candidates: list[Path]
) -> None:
    rest = tables.included[tables.included.split != "internal"]
    with pytest.raises(StudyError, match="decided on internal validation, whose 0 cases"):
        choice.on_internal(candidates, rest, {"plain": own(tables).features})


def test_networks_that_point_the_wrong_way_are_noted(tables: Tables) -> None:
    crossfit = own(tables).crossfit
    changed = replace(own(tables), crossfit=crossfit.assign(score=-crossfit.score))
    turned = replace(tables, scores={"tuned": changed})
    model, _ = fit_model(recipe("tuned", spec=SPEC), turned, threshold=YOUDEN, labels=LABELS)
    assert model["terms"][0]["coefficient"] == LEAST_SLOPE
    assert [note[: len(notes.SLOPE_HELD)] for note in model["notes"]] == [notes.SLOPE_HELD]
    # Three networks' mean against one network each is no selection that differs.
    plain, _ = fit_model(recipe("tuned", spec=SPEC), tables, threshold=YOUDEN, labels=LABELS)
    assert plain["notes"] == []
