from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from tests.scripts import run_script
from tests.unit.selection.study import SETTINGS, draw

from microcalc.core.files import write_csv
from microcalc.selection.select import select

OUTPUTS = (
    *("mrmr", "lasso_path", "lasso_cv", "selected", "funnel"),
    *("crossfit", "crossfit_selected"),
)


def test_other_splits_change_nothing() -> None:
    included, features = draw()
    outside = included["split"] != "train"
    before = select(included, features, settings=SETTINGS, seed=1)
    touched = features.copy()
    touched.loc[outside.to_numpy(), "deep_0000":] *= -3
    relabeled = included.copy()
    relabeled.loc[outside, "y"] = 1 - relabeled.loc[outside, "y"]
    after = select(relabeled, touched, settings=SETTINGS, seed=1)
    for name in OUTPUTS[:-2]:
        assert_frame_equal(getattr(before.chain, name), getattr(after.chain, name))
    assert_frame_equal(before.crossfit, after.crossfit)
    assert_frame_equal(before.crossfit_selected, after.crossfit_selected)


def test_the_script_writes_its_tables(tmp_path: Path) -> None:
    included, features = draw()
    write_csv(included.assign(n_images=2, status="included", reason=""), tmp_path / "included.csv")
    features.to_parquet(tmp_path / "features.parquet")
    for folder in ("one", "two"):
        run_script(
            "select_features",
            log=tmp_path / "log",
            input={
                "included": tmp_path / "included.csv",
                "features": [tmp_path / "features.parquet"],
                "redrawn": [],
            },
            output={name: tmp_path / folder / f"{name}.csv" for name in OUTPUTS},
            params={"settings": SETTINGS.plain(), "least_iccs": [], "seed": 5},
        )
    for name in OUTPUTS:
        written = (tmp_path / "one" / f"{name}.csv").read_bytes()
        assert written == (tmp_path / "two" / f"{name}.csv").read_bytes()
    selected = pd.read_csv(tmp_path / "one" / "selected.csv")
    assert selected["feature"].iloc[0] == "(intercept)"


@pytest.mark.parametrize("seed", range(2))
def test_out_of_fold_scores_are_honest_where_in_sample_scores_flatter(seed: int) -> None:
    included, features = draw(seed, effect=0.0, n=200)
    chosen = select(included, features, settings=SETTINGS, seed=1)
    plain = chosen.crossfit[chosen.crossfit["fold"] == chosen.crossfit["also_left_out"]]
    truth = included.set_index("case_id").loc[plain["case_id"], "y"].to_numpy()
    ranks = plain["score"].rank().to_numpy()
    n_pos = truth.sum()
    auc = (ranks[truth == 1].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * (len(truth) - n_pos))
    assert 0.3 < auc < 0.7
