from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.scripts import run_script
from tests.unit.models.birthwt import CLINICAL, TABLE, YES_NO, R, r_name
from tests.unit.selection.study import draw

from microcalc.config.clinical_settings import ClinicalVariable, ScreeningSettings
from microcalc.core.files import write_csv
from microcalc.models.clinical import (
    COLUMNS,
    Screening,
    candidates,
    missing_values,
    screen,
    training_rows,
)


def with_settings(**changes: Any) -> ScreeningSettings:
    return ScreeningSettings.of({"p_univariable": 0.1, "indicator_from": None, **changes})


SETTINGS = with_settings()


def screened(table: pd.DataFrame, **how: Any) -> Screening:
    return screen(table, confidence=0.95, seed=0, **how)


def test_screening_agrees_with_r() -> None:
    found = screened(TABLE, clinical=CLINICAL, settings=SETTINGS)
    by_variable = found.univariable.drop_duplicates("variable").set_index("variable")
    for name, p in R["screen_p_lrt"].items():
        assert by_variable.loc[name, "p_variable"] == pytest.approx(p, rel=1e-8)
    assert found.multivariable["variable"].unique().tolist() == R["kept_by_lrt"]
    expected = {term["name"]: term for term in R["multivariate_screened_lrt"]["terms"]}
    for row in found.multivariable[found.multivariable["p"].notna()].to_dict("records"):
        term = expected[r_name(row["variable"] + row["level"])]
        assert row["odds_ratio"] == pytest.approx(term["OR"], rel=1e-9)
        np.testing.assert_allclose([row["or_low"], row["or_high"]], term["OR_ci95_wald"], rtol=1e-7)
    tests = R["multivariate_screened_lrt"]["lrt_per_term"]
    assert found.kept == tuple(test["term"] for test in tests if test["p"] < 0.05)


def test_levels_and_their_counts() -> None:
    table = screened(TABLE, clinical=CLINICAL, settings=SETTINGS).univariable
    race = table[table["variable"] == "race"].set_index("level")
    assert race["n"].to_dict() == TABLE["race"].value_counts().to_dict()
    assert race.loc["white", "odds_ratio"] == 1
    assert np.isnan(race.loc["white", "p"])
    assert table.loc[table["variable"] == "age", "n"].tolist() == [189]


def test_nothing_survives() -> None:
    found = screened(TABLE, clinical=CLINICAL, settings=with_settings(p_univariable=1e-9))
    assert found.kept == ()
    assert found.multivariable.columns.tolist() == list(COLUMNS)
    assert found.multivariable.empty


def test_a_variable_of_one_value_is_not_estimable() -> None:
    found = screened(TABLE.assign(smoke="no"), clinical=CLINICAL, settings=SETTINGS)
    row = found.univariable[found.univariable["variable"] == "smoke"].iloc[0]
    assert (row["method"], row["p_variable"], row["kept"]) == ("not estimable", 1.0, False)


def test_separation_is_said_in_the_table() -> None:
    table = TABLE.assign(ht=np.where(TABLE["y"] == 1, TABLE["ht"], "no"))
    found = screened(table, clinical=CLINICAL, settings=SETTINGS)
    rows = found.univariable[found.univariable["variable"] == "ht"]
    assert set(rows["method"]) == {"Firth"}
    assert np.isfinite(rows["odds_ratio"]).all()


def test_complete_cases() -> None:
    table = TABLE.copy()
    table.loc[:9, "age"] = None
    counts = {}
    for missing in ("impute", "complete-case"):
        found = screened(table, clinical=CLINICAL, settings=with_settings(missing=missing))
        rows = found.univariable.set_index("variable")
        counts[missing] = (rows.loc["age", "n"], rows.loc["lwt", "n"])
    assert counts == {"impute": (189, 189), "complete-case": (179, 189)}


def test_backward_selection_agrees_with_r() -> None:
    found = screened(TABLE, clinical=CLINICAL, settings=with_settings(method="backward_aic"))
    assert R["step_backward_AIC"]["formula"] == "low ~ " + " + ".join(found.kept)
    assert found.multivariable["kept"].all()


def test_a_fixed_list_is_kept_whatever_its_p() -> None:
    settings = with_settings(method="fixed", variables=["ftv3", "age"])
    found = screened(TABLE, clinical=CLINICAL, settings=settings)
    assert found.kept == ("ftv3", "age")
    assert found.multivariable["p_variable"].min() > 0.05


def test_walds_test_of_one_column_is_its_z() -> None:
    found = screened(TABLE, clinical=CLINICAL, settings=with_settings(test="wald")).univariable
    row = found[found["variable"] == "lwt"].iloc[0]
    assert row["p_variable"] == pytest.approx(row["p"], rel=1e-9)
    race = found[found["variable"] == "race"]
    assert race["p_variable"].iloc[0] == pytest.approx(0.085, abs=0.01)  # 2 df, unlike either z


def test_an_indicator_of_missing_values_and_what_is_tested() -> None:
    table = TABLE.copy()
    gone = np.arange(len(table)) % 19 == 0
    table.loc[gone, "smoke"] = None
    with_one = with_settings(indicator_from=10)
    rows = screened(table, clinical=CLINICAL, settings=with_one).univariable
    smoke = rows[rows["variable"] == "smoke"].set_index("level")
    assert smoke.index.tolist() == ["no", "yes", "missing"]
    assert smoke.loc["missing", "n"] == 10
    # Adjusted for missingness, only the observed cases tell the two levels apart.
    alone = screened(
        table[~gone].reset_index(drop=True), clinical=CLINICAL, settings=SETTINGS
    ).univariable
    expected = alone[(alone["variable"] == "smoke") & (alone["level"] == "yes")].iloc[0]
    assert smoke.loc["yes", "coefficient"] == pytest.approx(expected["coefficient"], abs=1e-8)
    assert smoke["p_variable"].iloc[0] == pytest.approx(expected["p_variable"], rel=1e-6)
    without = screened(table, clinical=CLINICAL, settings=with_settings(indicator_from=11))
    assert "missing" not in set(without.univariable["level"])


def test_an_ordinal_variable_has_one_odds_ratio_per_step() -> None:
    ordinal = CLINICAL | {"ftv3": CLINICAL["ftv3"].model_copy(update={"kind": "ordinal"})}
    rows = screened(TABLE, clinical=ordinal, settings=SETTINGS).univariable
    steps = TABLE.assign(ftv3=TABLE["ftv3"].map({"0": "0", "1": "1", "2+": "2"}))
    linear = CLINICAL | {"ftv3": ClinicalVariable(kind="continuous")}
    expected = screened(steps, clinical=linear, settings=SETTINGS).univariable
    a, b = (t[t["variable"] == "ftv3"] for t in (rows, expected))
    assert len(a) == 1
    np.testing.assert_allclose(a["coefficient"], b["coefficient"])


def test_merged_levels_are_one_row() -> None:
    settings = with_settings(merge_levels_below=30)
    rows = screened(TABLE, clinical=CLINICAL, settings=settings).univariable
    race = rows[rows["variable"] == "race"]  # 96 white, 26 black, 67 other
    assert race["level"].tolist() == ["white", "black or other"]
    assert race["n"].tolist() == [96, 93]


def test_profile_intervals_only_where_asked_for() -> None:
    few = {name: CLINICAL[name] for name in ("lwt", "smoke")}
    for profile in (False, True):
        rows = screened(TABLE, clinical=few, settings=SETTINGS, profile=profile).multivariable
        estimated = rows["p"].notna()
        assert rows.loc[estimated, "or_profile_low"].notna().all() == profile


def test_a_score_from_elsewhere_is_no_candidate() -> None:
    clinical = CLINICAL | {"lwt": ClinicalVariable(kind="continuous", candidate=False)}
    assert set(CLINICAL) - set(candidates(clinical, ["race"])) == {"lwt", "race"}


def test_missing_and_unseen_values_are_counted_per_split() -> None:
    included, _ = draw()
    included.loc[included["split"] == "train", "birads"] = "4A"
    birads = ClinicalVariable(kind="categorical", levels=("4A", "5"))
    counts = missing_values(included, {"birads": birads})
    outside = counts[counts["split"] != "train"].set_index("split")["n_unseen"]
    expected = included[included["birads"] != "4A"].groupby("split").size()
    assert outside.to_dict() == expected.to_dict()


def test_other_splits_change_nothing() -> None:
    included, _ = draw()
    changed = included.copy()
    outside = changed["split"] != "train"
    changed.loc[outside, ["age", "birads", "palpable"]] = ["20", "5", "yes"]
    clinical = {"age": ClinicalVariable(kind="continuous")}
    a, b = (
        screened(training_rows(table), clinical=clinical, settings=SETTINGS)
        for table in (included, changed)
    )
    pd.testing.assert_frame_equal(a.univariable, b.univariable)


def test_the_script(tmp_path: Path) -> None:
    included, _ = draw()
    write_csv(included.assign(n_images=2, status="included", reason=""), tmp_path / "included.csv")
    names = ("univariable", "multivariable", "missing")
    run_script(
        "screen_clinical",
        log=tmp_path / "log",
        input={"included": tmp_path / "included.csv"},
        output={name: tmp_path / f"{name}.csv" for name in names},
        params={
            "clinical": {"age": {"kind": "continuous"}, "palpable": YES_NO},
            "screening": SETTINGS.plain(),
            "confidence": 0.95,
            "seed": 1,
        },
    )
    missing = pd.read_csv(tmp_path / "missing.csv").set_index(["variable", "split"])
    train = included[included["split"] == "train"]
    assert missing.loc[("palpable", "train"), "n_missing"] == train["palpable"].isna().sum()
    assert missing["n_unseen"].sum() == 0
    univariable = pd.read_csv(tmp_path / "univariable.csv")
    assert univariable["variable"].tolist() == ["age", "palpable", "palpable"]
