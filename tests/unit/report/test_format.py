import math

import pytest

from microcalc.report import format as fmt


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.00002, "< .001"),
        (0.0049, ".005"),
        (0.012, ".01"),
        (0.0496, ".0496"),
        (0.048, ".048"),
        (0.0504, ".05"),
        (0.231, ".23"),
        (0.995, "> .99"),
        (math.nan, "NA"),
    ],
)
def test_p_values_as_journals_print_them(p, text):
    assert fmt.p_value(p) == text


def test_a_p_value_is_never_rounded_across_5_percent():
    for thousandth in range(1000, 99000, 7):
        p = thousandth / 1e5
        shown = fmt.p_value(p)
        if not shown.startswith(("<", ">")):
            assert (float("0" + shown) < 0.05) == (p < 0.05), p


def test_sentences_take_the_relation():
    assert fmt.p_value(0.03, equals=True) == "= .03"
    assert fmt.p_value(1e-9, equals=True) == "< .001"


def test_lists_of_parts_with_commas_are_set_apart_by_semicolons():
    assert fmt.joined(["a", "b", "c"]) == "a, b and c"
    assert fmt.joined(["a (1, 2)", "b", "c"], apart=";") == "a (1, 2); b; and c"
    assert fmt.joined(["a"], apart=";") == "a"


def test_a_difference_near_zero_keeps_its_sign():
    assert fmt.difference(0.035, -0.003, 0.074) == "0.035 (−0.003 to 0.074)"
    assert fmt.difference(-0.02, -0.12, 0.07) == "−0.02 (−0.12 to 0.07)"
    assert fmt.difference(0.0, 0.0, 0.0) == "0.00 (0.00–0.00)"


def test_counts_and_percentages():
    assert fmt.count(2048) == "2,048"
    assert fmt.percent(0.8125) == "81"
    assert fmt.count(math.nan) == "NA"
