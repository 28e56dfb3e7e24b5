"""What no nomogram can show is said, not drawn wrong."""

from collections.abc import Sequence
from itertools import combinations

import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy.special import expit

from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.config.cohort_settings import Labels
from microcalc.config.score_names import score_of
from microcalc.figures import nomogram, nomogram_points, shown_models, style

LABELS = Labels(negative="DCIS", positive="IDC")
AGE = {"variable": "age", "kind": "continuous", "coefficient": 0.1}
CASES = pd.DataFrame({"split": ["train", "train", "external"], "age": [40.0, 70.0, 50.0]})
SPLINE = AGE | {"spline": {"knots": [40, 50, 60], "coefficients": [0.2]}}
DEEP = {"variable": "deep_score", "kind": "score", "coefficient": 1.0}
BOTH = {"variable": "both_score", "kind": "score", "coefficient": 2.0}


def model(name: str, *terms: dict) -> dict:
    scores = [{"name": score_of(t["variable"])} for t in terms if t["kind"] == "score"]
    return {"name": name, "intercept": 0.0, "terms": list(terms), "scores": scores,
            "threshold": 0.5}  # fmt: skip


def drawn(*models: dict, cases: pd.DataFrame = CASES, one_by_one: Sequence[str] = ()) -> Figure:
    by_name = {own["name"]: own for own in models}
    named = {"labels": LABELS, "main_score": "deep", "one_by_one": one_by_one}
    return nomogram.draw(by_name, cases, {}, **named)


def words_of(figure: Figure) -> str:
    texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    return " ".join(text.get_text() for text in texts).replace("\n", " ")


@pytest.mark.parametrize(
    ("terms", "said"),
    [([SPLINE], "age is a spline"), ([AGE, DEEP], "takes selected features one by one")],
)
def test_terms_without_a_straight_axis_are_refused(terms: list, said: str) -> None:
    assert said in words_of(drawn(model("paper", *terms), one_by_one=["paper"]))


WITH_SCORES = CASES.assign(deep_score=[-1.0, 1.0, 0.5], both_score=[-2.0, 2.0, -1.0])


def test_every_score_of_a_model_has_an_axis_of_its_own() -> None:
    """Over the training cases age moves 3 log odds, the deep score 2 and the both score 8."""
    own = model("two", AGE, DEEP, BOTH)
    scale = nomogram_points.scale(own, nomogram.ranges(own, WITH_SCORES))
    spans = {axis.variable: max(axis.points) for axis in scale.axes}
    assert spans == pytest.approx({"age": 37.5, "deep_score": 25.0, "both_score": 100.0})
    text = words_of(drawn(own, cases=WITH_SCORES))
    assert "Deep score 0.50 (19) + Both score −1.00 (25)" in text
    log_odds = 0.1 * 50 + 0.5 - 2 * 1.0
    assert scale.probability(sum(scale.of_case({"age": 50, "deep_score": 0.5, "both_score": -1.0})
        .values())) == pytest.approx(expit(log_odds))  # fmt: skip


@pytest.mark.parametrize(
    ("names", "one_by_one", "shown"),
    [
        (["clinical", "combined", "two"], [], "combined"),
        (["clinical", "two"], [], "two"),
        (["clinical", "deep"], [], "clinical"),
        (["combined", "paper"], ["paper"], "combined"),
        (["deep", "two_alone"], [], None),
        # Of its score the selection kept nothing: it is a clinical model.
        (["deep", "kept_nothing"], ["kept_nothing"], "kept_nothing"),
        # Named, so that the figure says why it is not drawn.
        (["deep", "paper"], ["paper"], "paper"),
    ],
)
def test_a_model_of_the_main_score_goes_before_others(
    names: list, one_by_one: list, shown: str | None
) -> None:
    models = {
        "clinical": model("clinical", AGE),
        "deep": model("deep", DEEP),
        "combined": model("combined", AGE, DEEP),
        "paper": model("paper", AGE, DEEP),
        "two": model("two", AGE, DEEP, BOTH),
        "two_alone": model("two_alone", DEEP, BOTH),
        "kept_nothing": model("kept_nothing", AGE),
    }
    asked = {name: models[name] for name in names}
    assert shown_models.of_nomogram(asked, "deep", one_by_one) == shown


def test_the_waterfall_is_of_the_main_score_alone_where_a_model_has_it() -> None:
    both, deep = model("both", BOTH), model("deep", DEEP)
    two = model("two", DEEP, BOTH)
    assert shown_models.of_waterfall({"two": two, "both": both, "deep": deep}, "deep") == "deep"
    assert shown_models.of_waterfall({"two": two, "both": both}, "deep") == "both"
    assert shown_models.of_waterfall({"two": two}, "deep") is None


def test_names_of_levels_run_neither_into_each_other_nor_into_the_axis_name() -> None:
    levels = {"amorphous": 0.3, "fine linear-branching": 0.35, "fine pleomorphic, grouped": 0.4}
    morphology = {
        "variable": "morphology", "kind": "categorical", "reference": "coarse heterogeneous",
        "coefficients": levels,
    }  # fmt: skip
    models = {"combined": model("combined", AGE, morphology)}
    described = {
        "kind": "categorical",
        "levels": ["coarse heterogeneous", *levels],
        "label": "Calcification morphology",
    }
    cases = CASES.assign(morphology=["amorphous", "coarse heterogeneous", "amorphous"])
    figure = nomogram.draw(
        models,
        cases,
        {"morphology": ClinicalVariable.of(described)},
        labels=LABELS,
        main_score="deep",
    )
    with style.applied():
        figure.draw_without_rendering()
        boxes = {text.get_text(): text.get_window_extent() for text in figure.axes[0].texts}
    own = [boxes[name] for name in (*levels, "coarse heterogeneous", "Calcification morphology")]
    for one, other in combinations(own, 2):
        assert not one.overlaps(other)
    assert min(box.x0 for box in own[:-1]) > own[-1].x1 - 15
