import numpy as np
import pandas as pd
import pytest

from microcalc.config.clinical_settings import ClinicalVariable, ScreeningSettings
from microcalc.core.errors import StudyError
from microcalc.models import design

CLINICAL = {
    "age": ClinicalVariable(kind="continuous"),
    "grade": ClinicalVariable(kind="categorical", levels=("low", "mid", "high")),
}
SETTINGS = ScreeningSettings()
TRAIN = pd.DataFrame({"age": ["50", "60", None, "64"], "grade": ["mid", "low", "mid", np.nan]})


def test_columns_reference_and_imputation() -> None:
    coding = design.fit(TRAIN, ["age", "grade"], CLINICAL, SETTINGS)
    assert coding.columns == ("age", "grade=mid")  # nobody is high; low is the reference
    assert coding.groups == ("age", "grade")
    assert coding.matrix(TRAIN).tolist() == [[50, 1], [60, 0], [60, 1], [64, 1]]


def test_the_first_observed_level_is_the_reference() -> None:
    coding = design.fit(pd.DataFrame({"grade": ["mid", "high"]}), ["grade"], CLINICAL, SETTINGS)
    assert coding.terms[0].levels == ("mid", "high")


def test_a_level_unseen_in_training_counts_as_missing_and_is_reported() -> None:
    coding = design.fit(TRAIN, ["grade"], CLINICAL, SETTINGS)
    new = pd.DataFrame({"grade": ["high", "low", None, "high"]})
    assert coding.matrix(new).ravel().tolist() == [1, 0, 1, 1]
    assert coding.unseen(new) == [("grade", "high", 2)]


def test_new_cases_do_not_change_the_coding() -> None:
    coding = design.fit(TRAIN, ["age"], CLINICAL, SETTINGS)
    assert coding.matrix(pd.DataFrame({"age": [None, "99"]})).ravel().tolist() == [60, 99]


@pytest.mark.parametrize("column", [["low"] * 3, [None] * 3])
def test_a_variable_without_contrast_has_no_term(column: list) -> None:
    assert design.fit(pd.DataFrame({"grade": column}), ["grade"], CLINICAL, SETTINGS).terms == ()


def test_no_terms_is_an_empty_matrix() -> None:
    assert design.fit(TRAIN, [], CLINICAL, SETTINGS).matrix(TRAIN).shape == (4, 0)


def test_numbers_as_levels_read_the_same_from_text_and_floats() -> None:
    clinical = {"n": ClinicalVariable(kind="categorical", levels=("1", "2"))}
    text = pd.DataFrame({"n": ["1", "2", None]})
    number = pd.DataFrame({"n": [1.0, 2.0, np.nan]})
    a, b = (design.fit(table, ["n"], clinical, SETTINGS) for table in (text, number))
    assert a == b
    assert a.matrix(text).tolist() == b.matrix(number).tolist()


def test_what_is_no_number_is_quoted() -> None:
    with pytest.raises(StudyError, match=r"'age' holds 'old'"):
        design.fit(pd.DataFrame({"age": ["old", "5"]}), ["age"], CLINICAL, SETTINGS)


def test_unknown_variables_and_columns_are_named() -> None:
    with pytest.raises(StudyError, match="no column 'grade'"):
        design.fit(pd.DataFrame({"age": ["1", "2"]}), ["grade"], CLINICAL, SETTINGS)
    with pytest.raises(StudyError, match="'size'"):
        design.fit(TRAIN.assign(size="1"), ["size"], CLINICAL, SETTINGS)
