"""What no nomogram can show is said, not drawn wrong."""

from itertools import combinations

import pandas as pd
import pytest

from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.config.cohort_settings import Labels
from microcalc.figures import nomogram, style

LABELS = Labels(negative="DCIS", positive="IDC")
AGE = {"variable": "age", "kind": "continuous", "coefficient": 0.1}
CASES = pd.DataFrame({"split": ["train", "train", "external"], "age": [40.0, 70.0, 50.0]})
SPLINE = AGE | {"spline": {"knots": [40, 50, 60], "coefficients": [0.2]}}
FEATURE = {"variable": "deep_0007", "kind": "deep", "coefficient": 1.0}


@pytest.mark.parametrize(
    ("terms", "said"), [([SPLINE], "age is a spline"), ([AGE, FEATURE], "deep_0007 itself")]
)
def test_terms_without_a_straight_axis_are_refused(terms: list, said: str) -> None:
    models = {"combined": {"intercept": 0.0, "terms": terms}}
    figure = nomogram.draw(models, CASES, {}, labels=LABELS)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts] + [
        text.get_text() for text in figure.texts
    ]
    assert any(said in text.replace("\n", " ") for text in texts)


def test_names_of_levels_run_neither_into_each_other_nor_into_the_axis_name() -> None:
    levels = {"amorphous": 0.3, "fine linear-branching": 0.35, "fine pleomorphic, grouped": 0.4}
    morphology = {
        "variable": "morphology", "kind": "categorical", "reference": "coarse heterogeneous",
        "coefficients": levels,
    }  # fmt: skip
    models = {"combined": {"intercept": 0.0, "threshold": 0.5, "terms": [AGE, morphology]}}
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
    )
    with style.applied():
        figure.draw_without_rendering()
        boxes = {text.get_text(): text.get_window_extent() for text in figure.axes[0].texts}
    own = [boxes[name] for name in (*levels, "coarse heterogeneous", "Calcification morphology")]
    for one, other in combinations(own, 2):
        assert not one.overlaps(other)
    assert min(box.x0 for box in own[:-1]) > own[-1].x1 - 15
