"""Permuted labels must find nothing: selection to evaluation, twenty times, on the tiny study."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, kstest

from tests.workflow import rooms
from tests.workflow.tiny import Study

SEEDS = range(1, 21)


def run_permuted(study: Study, permutation: int, folder: Path) -> pd.DataFrame:
    """Return metrics.csv of the study with its labels permuted."""
    config = study.config
    config["cohort"]["permute_labels"] = permutation
    rooms.run(study, config, folder)
    return pd.read_csv(folder / "metrics.csv").assign(permutation=permutation)


@pytest.fixture(scope="module")
def null_metrics(finished: Study, shared: Callable[..., Path]) -> pd.DataFrame:
    def fill(folder: Path) -> None:
        for seed in SEEDS:
            (folder / str(seed)).mkdir()
            metrics = run_permuted(finished, seed, folder / str(seed))
            metrics.to_csv(folder / f"{seed}.csv", index=False)

    folder = shared("null", fill)
    return pd.concat(pd.read_csv(folder / f"{seed}.csv") for seed in SEEDS)


@pytest.mark.parametrize("model", ["clinical", "deep", "combined"])
@pytest.mark.parametrize("split", ["internal", "external"])
def test_permuted_labels_give_chance(null_metrics: pd.DataFrame, model: str, split: str) -> None:
    found = null_metrics[(null_metrics.model == model) & (null_metrics.split == split)]
    assert len(found) == len(SEEDS)
    error = found.auc.std(ddof=1) / np.sqrt(len(found))
    assert abs(found.auc.mean() - 0.5) <= 3 * error

    # By chance an AUC is spread as the Mann-Whitney statistic is, no wider and no narrower; that of
    # a model without predictors is 0.5 and no draw of it.
    is_constant = (found.auc == 0.5) & found.auc_method.str.endswith("exact interval")
    drawn = found[~is_constant]
    assert len(drawn) >= 3
    spread = np.sqrt((drawn.n_pos + drawn.n_neg + 1) / (12 * drawn.n_pos * drawn.n_neg))
    assert kstest((drawn.auc - 0.5) / spread, "norm").pvalue > 0.001

    missed = ((found.auc_low > 0.5) | (found.auc_high < 0.5)).sum()
    assert missed <= binom.ppf(0.999, len(found), 0.05)


def test_permutations_differ(null_metrics: pd.DataFrame) -> None:
    deep = null_metrics[(null_metrics.model == "deep") & (null_metrics.split == "external")]
    assert deep.auc.nunique() > 5
