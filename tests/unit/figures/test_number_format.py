import math

import pytest

from microcalc.figures import number_format


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.125, "0.12"), (-0.5, "−0.50"), (-0.001, "0.00"), (math.nan, "NA"), (math.inf, "NA")],
)
def test_a_number_has_fixed_digits_a_real_minus_and_no_negative_zero(value, text):
    assert number_format.number(value) == text


def test_a_dash_never_meets_a_minus():
    assert number_format.interval(0.1, 0.25) == "0.10–0.25"
    assert number_format.interval(-0.1, 0.25) == "−0.10 to 0.25"
    assert number_format.interval(math.nan, math.nan) == "NA"
    assert number_format.estimate(0.9, math.nan, math.nan) == "0.90 (undetermined)"


def test_an_estimate_without_a_value_is_na():
    assert number_format.estimate(0.8, 0.7, 0.9) == "0.80 (0.70–0.90)"
    assert number_format.estimate(math.nan, math.nan, math.nan) == "NA"


def test_names_become_words_unless_they_have_capitals():
    assert number_format.label("clinical_only") == "Clinical only"
    assert number_format.label("mRMR") == "mRMR"
    assert number_format.split_label("internal") == "Internal validation"


def test_no_probability_is_certain():
    shown = [number_format.probability(value) for value in (0.0, 0.004, 0.16, 0.994, 0.996, 1.0)]
    assert shown == ["< 0.01", "< 0.01", "0.16", "0.99", "> 0.99", "> 0.99"]


def test_long_names_lose_their_middle_unless_two_would_be_alike():
    names = ["mri_x", "mri_wavelet-HLL_glcm_Idn", "us_" + "a" * 30 + "_1", "us_" + "b" * 30 + "_1"]
    short = number_format.shortened(names, 12)
    assert short == ["mri_x", "mri_wa…m_Idn", "us_aaa…aaa_1", "us_bbb…bbb_1"]
    alike = ["mri_wavelet-HLL_glcm_Idn", "mri_wavelet-LLH_glcm_Idn", "mri_original_glcm_Idn"]
    assert number_format.shortened(alike, 12) == [*alike[:2], "mri_or…m_Idn"]
