"""What no nomogram can show is said, not drawn wrong."""

import pandas as pd
import pytest

from microcalc.figures import nomogram

AGE = {"variable": "age", "kind": "continuous", "coefficient": 0.1}
CASES = pd.DataFrame({"split": ["train", "train", "external"], "age": [40.0, 70.0, 50.0]})
SPLINE = AGE | {"spline": {"knots": [40, 50, 60], "coefficients": [0.2]}}
FEATURE = {"variable": "deep_0007", "kind": "deep", "coefficient": 1.0}


@pytest.mark.parametrize(
    ("terms", "said"), [([SPLINE], "age is a spline"), ([AGE, FEATURE], "deep_0007 itself")]
)
def test_terms_without_a_straight_axis_are_refused(terms: list, said: str) -> None:
    models = {"combined": {"intercept": 0.0, "terms": terms}}
    figure = nomogram.draw(models, CASES, {}, labels={"negative": "DCIS", "positive": "IDC"})
    texts = [text.get_text() for axes in figure.axes for text in axes.texts] + [
        text.get_text() for text in figure.texts
    ]
    assert any(said in text.replace("\n", " ") for text in texts)
