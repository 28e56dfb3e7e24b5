import math

import pytest

from microcalc.figures import words


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.125, "0.12"), (-0.5, "−0.50"), (-0.001, "0.00"), (math.nan, "NA"), (math.inf, "NA")],
)
def test_a_number_has_fixed_digits_a_real_minus_and_no_negative_zero(value, text):
    assert words.number(value) == text


def test_a_dash_never_meets_a_minus():
    assert words.interval(0.1, 0.25) == "0.10–0.25"
    assert words.interval(-0.1, 0.25) == "−0.10 to 0.25"
    assert words.interval(math.nan, math.nan) == "NA"
    assert words.estimate(0.9, math.nan, math.nan) == "0.90 (undetermined)"


def test_an_estimate_without_a_value_is_na():
    assert words.estimate(0.8, 0.7, 0.9) == "0.80 (0.70–0.90)"
    assert words.estimate(math.nan, math.nan, math.nan) == "NA"


def test_names_become_words_unless_they_have_capitals():
    assert words.label("clinical_only") == "Clinical only"
    assert words.label("mRMR") == "mRMR"
    assert words.split_label("internal") == "Internal validation"


def test_no_probability_is_certain():
    shown = [words.probability(value) for value in (0.0, 0.004, 0.16, 0.994, 0.996, 1.0)]
    assert shown == ["< 0.01", "< 0.01", "0.16", "0.99", "> 0.99", "> 0.99"]
