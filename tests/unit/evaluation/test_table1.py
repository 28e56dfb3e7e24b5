import numpy as np
import pandas as pd
import pytest

from microcalc.config.clinical_settings import ClinicalVariable
from microcalc.core.errors import StudyError
from microcalc.evaluation import table1
from microcalc.statistics import baseline_tests

CLINICAL = ClinicalVariable.each_of(
    {
        "age": {"kind": "continuous", "unit": "years"},
        "size_mm": {"kind": "continuous", "unit": "mm"},
        "birads": {"kind": "categorical", "levels": ["4A", "4B", "5"]},
    }
)


@pytest.fixture
def included():
    rng = np.random.default_rng(11)
    n = 120
    y = np.arange(n) % 2
    table = pd.DataFrame(
        {
            "case_id": [f"c{i:03d}" for i in range(n)],
            "patient_id": [f"P{i:03d}" for i in range(n)],
            "split": np.repeat(["train", "internal", "external"], [60, 20, 40]),
            "y": y,
            "age": stats_normal(rng, n) + 5 * y,
            "size_mm": rng.exponential(20, n),
            "birads": rng.choice(["4A", "4B", "5"], n),
        }
    )
    table.loc[3, "age"] = np.nan
    table.loc[[4, 70], "birads"] = None
    return table


def stats_normal(rng, n):
    return rng.normal(55, 8, n)


def row(table, split, variable, level=""):
    found = table.query("split == @split and variable == @variable and level == @level")
    assert len(found) == 1
    return found.iloc[0]


def test_the_table_has_the_rows_a_reader_expects(included):
    table = table1.describe(included, CLINICAL, seed=0)
    assert list(table.columns) == list(table1.COLUMNS)
    assert table["split"].drop_duplicates().tolist() == ["train", "internal", "external"]
    cases = row(table, "train", "cases")
    assert (cases["overall"], cases["negative"], cases["positive"]) == ("60", "30", "30")


def test_normal_variables_show_mean_and_skewed_ones_median(included):
    table = table1.describe(included, CLINICAL, seed=0)
    age, size = row(table, "train", "age"), row(table, "train", "size_mm")
    train = included[included["split"] == "train"]
    assert age["statistic"] == "mean (SD)"
    assert age["overall"] == f"{train['age'].mean():.1f} ({train['age'].std():.1f})"
    low, mid, high = train["size_mm"].quantile([0.25, 0.5, 0.75])
    assert size["overall"] == f"{mid:.1f} [{low:.1f}, {high:.1f}]"
    assert (age["test"], size["test"]) == ("Welch", "Mann–Whitney")
    assert (age["unit"], size["unit"]) == ("years", "mm")


def test_classes_are_compared_within_the_split_and_splits_with_train(included):
    table = table1.describe(included, CLINICAL, seed=0)
    external = included[included["split"] == "external"]
    train = included[included["split"] == "train"]
    age = row(table, "external", "age")
    by_class = [external.loc[external["y"] == of, "age"] for of in (0, 1)]
    assert age["p"] == baseline_tests.continuous(*by_class, normal=True).p_value
    assert age["smd"] == baseline_tests.smd_continuous(*by_class) > 0
    expected = baseline_tests.continuous(train["age"].dropna(), external["age"], normal=True)
    assert age["p_train"] == expected.p_value
    assert np.isnan(row(table, "train", "age")["p_train"])


def test_shares_are_of_the_cases_with_a_value(included):
    table = table1.describe(included, CLINICAL, seed=0)
    train = included[included["split"] == "train"]
    k = (train["birads"] == "4B").sum()
    assert row(table, "train", "birads", "4B")["overall"] == f"{k} ({100 * k / 59:.1f})"
    missing = row(table, "train", "birads", "missing")
    assert (missing["overall"], missing["positive"]) == ("1 (1.7)", "0 (0.0)")
    assert row(table, "external", "birads", "missing")["overall"] == "0 (0.0)"
    assert row(table, "train", "age", "missing")["negative"] == "0 (0.0)"


def test_text_is_read_as_the_config_means_it(included):
    text = included.assign(age=included["age"].astype(str).replace("nan", None))
    pd.testing.assert_frame_equal(
        table1.describe(text, CLINICAL, seed=0), table1.describe(included, CLINICAL, seed=0)
    )
    gappy = included.assign(birads=[float("nan")] + [1.0] * 119)
    spec = {"birads": ClinicalVariable(kind="categorical", levels=("0", "1"))}
    table = table1.describe(gappy, spec, seed=0)
    assert row(table, "train", "birads", "1")["overall"] == "59 (100.0)"


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("birads", "4C", "case c009: birads is '4C'; expected one of 4A, 4B, 5"),
        ("age", "old", "case c009: age is 'old'; expected a number"),
    ],
)
def test_a_value_out_of_place_is_named(included, column, value, words):
    included[column] = included[column].astype(object)
    included.loc[9, column] = value
    with pytest.raises(StudyError, match=words):
        table1.describe(included, CLINICAL, seed=0)


def test_an_absent_column_is_named(included):
    with pytest.raises(StudyError, match="no column 'birads'"):
        table1.describe(included.drop(columns="birads"), CLINICAL, seed=0)


def test_a_split_of_one_class_is_described_without_a_test(included):
    keep = (included["split"] != "internal") | (included["y"] == 1)
    table = table1.describe(included[keep], CLINICAL, seed=0)
    assert row(table, "internal", "age")["negative"] == ""
    assert row(table, "internal", "age")["test"] == ""
    assert row(table, "internal", "birads", "4A")["negative"] == "0"


def test_patients_with_two_lesions_are_permuted(included):
    copies = included.assign(case_id="x" + included["case_id"])
    once, twice = (
        table1.describe(table, CLINICAL, seed=3)
        for table in (included, pd.concat([included, copies], ignore_index=True))
    )
    for variable, level, what in (
        ("age", "", "difference of means"), ("size_mm", "", "rank sum"), ("birads", "4A", "chi²")
    ):  # fmt: skip
        for split in ("train", "external"):
            alone, double = row(once, split, variable, level), row(twice, split, variable, level)
            assert double["test"] == f"{what}, 9,999 permutations of patients"
            assert double["p"] == pytest.approx(alone["p"], abs=0.04)
            assert double["smd"] == pytest.approx(alone["smd"], rel=0.02)
        assert row(twice, "external", variable, level)["p_train"] == pytest.approx(
            row(once, "external", variable, level)["p_train"], abs=0.04
        )
    pd.testing.assert_frame_equal(
        twice,
        table1.describe(
            pd.concat([included, copies]).sample(frac=1, random_state=2), CLINICAL, seed=3
        ),
    )


def test_only_comparisons_in_which_a_patient_repeats_are_permuted(included):
    included.loc[included.index[-1], "patient_id"] = included["patient_id"].iloc[-2]
    table = table1.describe(included, CLINICAL, seed=0)
    assert row(table, "train", "age")["test"] == "Welch"
    assert row(table, "internal", "age")["test_train"] == "Welch"
    assert "permutations" in row(table, "external", "age")["test"]
    assert "permutations" in row(table, "external", "age")["test_train"]
    # the second lesion has no grade, so no patient repeats among those compared
    included.loc[included.index[-1], "birads"] = None
    table = table1.describe(included, CLINICAL, seed=0)
    assert row(table, "external", "birads", "4A")["test"] in ("chi²", "Fisher")
