import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from tests.unit.models.birthwt import CLINICAL, TABLE

from microcalc.config.clinical_settings import ClinicalVariable, ScreeningSettings
from microcalc.models import imputation
from microcalc.models.clinical import screen

SETTINGS = ScreeningSettings(p_univariable=0.2, missing="multiple", imputations=5)


def holes(share: float, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = TABLE.copy()
    for name in ("age", "race", "smoke"):
        table.loc[rng.random(len(table)) < share, name] = np.nan
    return table


def test_observed_values_stay_and_missing_ones_are_drawn_from_the_observed() -> None:
    table = holes(0.2)
    copies = imputation.impute(table, CLINICAL, number=3, seed=1)
    assert len(copies) == 3
    for copy in copies:
        for name in ("age", "race", "smoke"):
            seen = table[name].notna()
            assert copy.loc[seen, name].tolist() == table.loc[seen, name].tolist()
            assert set(copy[name]) <= set(table.loc[seen, name])
    assert copies[0]["age"].tolist() != copies[1]["age"].tolist()
    again = imputation.impute(table, CLINICAL, number=3, seed=1)
    for one, other in zip(copies, again, strict=True):
        assert_frame_equal(one, other)


def test_nothing_missing_is_one_table() -> None:
    (only,) = imputation.impute(TABLE, CLINICAL, number=5, seed=0)
    assert only is TABLE


def test_draws_follow_what_the_other_variables_say() -> None:
    rng = np.random.default_rng(2)
    size = rng.normal(30, 10, 300)
    grade = np.where(size + rng.normal(0, 3, 300) > 30, "high", "low").astype(object)
    truth = grade.copy()
    gone = rng.random(300) < 0.3
    grade[gone] = None
    table = pd.DataFrame({"size": size.astype(str), "grade": grade, "y": rng.integers(0, 2, 300)})
    clinical = {
        "size": ClinicalVariable(kind="continuous"),
        "grade": ClinicalVariable(kind="categorical", levels=("low", "high")),
    }
    copies = imputation.impute(table, clinical, number=5, seed=0)
    right = np.mean([(copy["grade"] == truth)[gone].mean() for copy in copies])
    assert right > 0.75  # the most frequent level alone would be right in half of the cases


def test_pooled_screening_widens_the_intervals_and_is_near_the_truth() -> None:
    whole = screen(
        TABLE,
        clinical=CLINICAL,
        settings=SETTINGS.model_copy(update={"missing": "impute"}),
        confidence=0.95,
        seed=0,
    )
    pooled = screen(holes(0.3), clinical=CLINICAL, settings=SETTINGS, confidence=0.95, seed=3)
    a, b = (found.univariable.set_index(["variable", "level"]) for found in (whole, pooled))
    key = ("smoke", "yes")
    assert b.loc[key, "se"] > a.loc[key, "se"]
    assert abs(b.loc[key, "coefficient"] - a.loc[key, "coefficient"]) < 2 * a.loc[key, "se"]
    assert "5 imputations pooled" in b.loc[key, "method"]
    complete = ("lwt", "")
    for column in ("coefficient", "se"):
        assert b.loc[complete, column] == pytest.approx(a.loc[complete, column])
