from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.scripts import run_script
from tests.unit.models.birthwt import CLINICAL, TABLE, R, r_name
from tests.unit.selection.study import draw

from microcalc.files import write_csv
from microcalc.models.clinical import COLUMNS, screen, training_rows

SETTINGS = {"p_univariable": 0.1, "p_multivariable": 0.05, "missing": "impute"}


def test_screening_agrees_with_r() -> None:
    found = screen(TABLE, clinical=CLINICAL, settings=SETTINGS)
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
    table = screen(TABLE, clinical=CLINICAL, settings=SETTINGS).univariable
    race = table[table["variable"] == "race"].set_index("level")
    assert race["n"].to_dict() == TABLE["race"].value_counts().to_dict()
    assert race.loc["white", "odds_ratio"] == 1
    assert np.isnan(race.loc["white", "p"])
    assert table.loc[table["variable"] == "age", "n"].tolist() == [189]


def test_nothing_survives() -> None:
    found = screen(TABLE, clinical=CLINICAL, settings={**SETTINGS, "p_univariable": 1e-9})
    assert found.kept == ()
    assert found.multivariable.columns.tolist() == list(COLUMNS)
    assert found.multivariable.empty


def test_a_variable_of_one_value_is_not_estimable() -> None:
    found = screen(TABLE.assign(smoke="no"), clinical=CLINICAL, settings=SETTINGS)
    row = found.univariable[found.univariable["variable"] == "smoke"].iloc[0]
    assert (row["method"], row["p_variable"], row["kept"]) == ("not estimable", 1.0, False)


def test_separation_is_said_in_the_table() -> None:
    table = TABLE.assign(ht=np.where(TABLE["y"] == 1, TABLE["ht"], "no"))
    found = screen(table, clinical=CLINICAL, settings=SETTINGS)
    rows = found.univariable[found.univariable["variable"] == "ht"]
    assert set(rows["method"]) == {"Firth"}
    assert np.isfinite(rows["odds_ratio"]).all()


def test_complete_cases() -> None:
    table = TABLE.copy()
    table.loc[:9, "age"] = None
    counts = {}
    for missing in ("impute", "complete-case"):
        found = screen(table, clinical=CLINICAL, settings={**SETTINGS, "missing": missing})
        rows = found.univariable.set_index("variable")
        counts[missing] = (rows.loc["age", "n"], rows.loc["lwt", "n"])
    assert counts == {"impute": (189, 189), "complete-case": (179, 189)}


def test_other_splits_change_nothing() -> None:
    included, _ = draw()
    changed = included.copy()
    outside = changed["split"] != "train"
    changed.loc[outside, ["age", "birads", "palpable"]] = ["20", "5", "yes"]
    a, b = (
        screen(training_rows(table), clinical={"age": {"kind": "continuous"}}, settings=SETTINGS)
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
            "clinical": {"age": {"kind": "continuous"}, "palpable": CLINICAL["smoke"]},
            "screening": SETTINGS,
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
