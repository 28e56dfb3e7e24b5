from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from microcalc.apply import labelled_cohort
from microcalc.config.evaluation_settings import EvaluationSettings
from microcalc.core.files import write_csv
from microcalc.evaluation import predictions
from microcalc.statistics import delong


def scored(n: int, shift: float, *, seed: int, split: str, patients: int | None = None):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return pd.DataFrame(
        {
            "case_id": [f"{split}{i}" for i in range(n)],
            "patient_id": [f"{split}{i % (patients or n)}" for i in range(n)],
            "center": "A",
            "split": split,
            "y": y,
            "model": "deep",
            "kind": "held_out",
            "probability": 1 / (1 + np.exp(-(shift * y + rng.normal(size=n)))),
        }
    )


def test_the_difference_is_delongs_unpaired(tmp_path: Path) -> None:
    new = scored(60, 1.0, seed=1, split="external")
    before = scored(80, 2.0, seed=2, split="internal")
    write_csv(before, tmp_path / "predictions.csv")
    row = labelled_cohort.compare(new, [tmp_path / "predictions.csv"]).iloc[0]
    expected = delong.compare_unpaired(new.y, new.probability, before.y, before.probability)
    assert (row.model, row.split, row.method) == ("deep", "internal", "DeLong, unpaired")
    assert (row.auc, row.development_auc) == (expected.auc_1, expected.auc_2)
    assert (row.delta_low, row.delta_high) == (expected.low, expected.high)
    assert row.p == expected.p_value


def test_cases_of_one_patient_widen_the_difference(tmp_path: Path) -> None:
    before = scored(80, 2.0, seed=2, split="internal")
    write_csv(before, tmp_path / "p.csv")
    alone = scored(60, 1.0, seed=1, split="external")
    # The same scores twice, as if every case had been entered for two lesions.
    twice = pd.concat([alone, alone.assign(case_id=alone.case_id + "b")])
    row = labelled_cohort.compare(twice, [tmp_path / "p.csv"]).iloc[0]
    once = labelled_cohort.compare(alone, [tmp_path / "p.csv"]).iloc[0]
    assert row.method == "Obuchowski, unpaired, clustered"
    assert row.auc == pytest.approx(once.auc, abs=1e-12)
    width, width_once = (r.delta_high - r.delta_low for r in (row, once))
    assert width == pytest.approx(width_once, rel=0.03)


def test_one_class_and_no_development_are_said(tmp_path: Path) -> None:
    new = scored(20, 1.0, seed=1, split="external")
    write_csv(scored(20, 1.0, seed=2, split="internal"), tmp_path / "p.csv")
    row = labelled_cohort.compare(new[new.y == 1], [tmp_path / "p.csv"]).iloc[0]
    assert (row.method, row.n_neg) == ("undefined: one class", 0)
    assert list(labelled_cohort.compare(new, [])) == list(labelled_cohort.COLUMNS)


def test_only_labelled_and_included_cases_are_joined(tmp_path: Path) -> None:
    included = pd.DataFrame(
        {
            "case_id": ["C1", "C2", "C3"],
            "patient_id": ["P1", "P2", "P3"],
            "center": "Z",
            "split": "external",
            "birads": ["01", "", "5"],
            "n_images": [1, 2, 0],
            "status": ["included", "included", "excluded"],
            "reason": "",
        }
    )
    write_csv(included, tmp_path / "included.csv")
    register = pd.DataFrame(
        {"case_id": ["C2", "C1", "C0"], "model": "deep", "probability": [0.7, 0.2, 0.9]}
    )
    labels = pd.DataFrame({"case_id": ["C2", "C3", "C0"], "label": "malignant", "y": 1})
    rows, cases = labelled_cohort.join(register, tmp_path / "included.csv", labels)
    predictions.check(rows)
    assert rows[["case_id", "y", "probability"]].to_numpy().tolist() == [["C2", 1, 0.7]]
    assert cases["case_id"].tolist() == ["C2", "C3"]


def test_subgroups_without_a_column_are_left_out() -> None:
    cases = pd.DataFrame({"case_id": ["C1"], "center": ["Z"]})
    subgroups = {"columns": {"center": None, "birads": None}, "min_per_class": 5}
    settings = EvaluationSettings.of({"confidence": 0.9, "subgroups": subgroups})
    found = labelled_cohort.settings_for(cases, settings)
    assert found.subgroups.plain() == {"columns": {"center": None}, "min_per_class": 5}
    assert found.confidence == 0.9


def test_a_perfect_auc_on_either_side_is_no_certainty(tmp_path: Path) -> None:
    """The exact interval of 10 of 10 pairs takes the place of a variance of 0; there is no test."""
    perfect = scored(20, 1.0, seed=1, split="external")
    perfect["probability"] = 0.2 + 0.6 * perfect["y"]
    write_csv(perfect.assign(split="internal"), tmp_path / "p.csv")
    row = labelled_cohort.compare(perfect, [tmp_path / "p.csv"]).iloc[0]
    reach = 1 - 0.025 ** (1 / 10)
    assert (row.delta, row.delta_low, row.delta_high) == pytest.approx((0, -reach, reach))
    assert np.isnan(row.p)
    assert row.method.startswith("undetermined: ")
