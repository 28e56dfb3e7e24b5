import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from microcalc.core.errors import StudyError
from microcalc.features import combat

ORACLE = json.loads((Path(__file__).parents[2] / "oracles" / "combat.json").read_text())


@pytest.mark.parametrize("batch", [0, 1])
def test_it_agrees_with_neurocombat(batch):
    got = combat.towards(np.array(ORACLE["reference"]), np.array(ORACLE["batches"][batch]))
    np.testing.assert_allclose(got, ORACLE["batches_after"][batch], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(ORACLE["reference_after"], ORACLE["reference"], rtol=1e-9)


def test_features_that_are_constant_in_the_reference_stay():
    random = np.random.default_rng(1)
    reference, batch = random.normal(size=(20, 5)), random.normal(3, 1, size=(9, 5))
    reference[:, 2] = 4
    got = combat.towards(reference, batch)
    np.testing.assert_array_equal(got[:, 2], batch[:, 2])
    assert np.isfinite(got).all()
    assert np.abs(got[:, 0].mean() - reference[:, 0].mean()) < 1


@pytest.fixture
def study(tmp_path):
    random = np.random.default_rng(2)
    ids = [f"c{i:02d}" for i in range(30)]
    included = pd.DataFrame(
        {
            "case_id": ids,
            "center": ["A"] * 18 + ["B"] * 12,
            "split": ["train"] * 12 + ["internal"] * 6 + ["external"] * 12,
            "y": random.integers(0, 2, 30),
            "n_images": 1,
            "status": "included",
            "reason": "",
        }
    )
    table = pd.DataFrame(
        random.normal(size=(30, 6)).astype(np.float32),
        columns=[f"deep_{i:04d}" for i in range(6)],
    )
    table.loc[18:, :] = 5 + 2 * table.loc[18:, :]
    table.insert(0, "case_id", ids)

    def run(included=included, table=table):
        included.to_csv(tmp_path / "included.csv", index=False)
        return combat.harmonized(table, [str(tmp_path / "included.csv")])

    run.included, run.table = included, table
    return run


def test_external_centers_alone_move(study):
    got = study()
    pd.testing.assert_frame_equal(got[:18], study.table[:18])
    assert abs(got.iloc[18:, 1:].to_numpy().mean()) < 0.5
    assert got.dtypes.equals(study.table.dtypes)


def test_neither_labels_nor_internal_validation_are_looked_at(study):
    before = study()
    flipped = study.included.assign(y=1 - study.included["y"])
    pd.testing.assert_frame_equal(study(included=flipped), before)
    other = study.table.copy()
    other.iloc[12:18, 1:] += 100
    pd.testing.assert_frame_equal(study(table=other)[18:], before[18:])


def test_without_a_table_of_cases_nothing_changes(study):
    assert combat.harmonized(study.table, []) is study.table


def test_a_center_of_one_case_is_named(study):
    lonely = study.included.copy()
    lonely.loc[29, "center"] = "C"
    with pytest.raises(StudyError, match=r"too few cases[^$]*center C"):
        study(included=lonely)
