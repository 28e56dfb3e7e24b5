"""Scores of networks that each left a fold out, made up here without any network."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from tests.unit.selection.study import SETTINGS, draw

from microcalc.features.finetune import network_folds
from microcalc.selection import finetuned

FOLDS = 3


@pytest.fixture(scope="module")
def dealt() -> pd.DataFrame:
    return network_folds.deal(draw()[0], n_folds=FOLDS, seed=1)


@pytest.fixture(scope="module")
def logits() -> pd.DataFrame:
    """Return logits of three networks that differ in place and spread."""
    included, _ = draw()
    random = np.random.default_rng(4)
    own = {
        f"deep_{k:04d}": k + (1 + k) * random.normal(included.y, 1).astype(np.float32)
        for k in range(FOLDS)
    }
    return pd.DataFrame({"case_id": included.case_id, "n_views": 1, **own})


def test_a_training_case_is_scored_by_the_network_without_it(
    dealt: pd.DataFrame, logits: pd.DataFrame
) -> None:
    selected, crossfit = finetuned.of_logits(dealt, logits)
    assert selected.coefficient.tolist() == [0, *[1 / FOLDS] * FOLDS]
    values = logits.set_index("case_id")
    own = dealt.set_index("case_id").fold
    assert len(crossfit.scores) == FOLDS * len(dealt)
    for row in crossfit.scores.itertuples():
        assert row.fold == own[row.case_id]
        assert row.score == values.loc[row.case_id, f"deep_{row.fold:04d}"]
    alone = crossfit.selected[crossfit.selected.feature != "(intercept)"]
    assert alone.feature.tolist() == [f"deep_{k:04d}" for k in range(FOLDS)]
    assert alone.fold.tolist() == [*range(FOLDS)]


def test_the_scale_of_one_network_is_held_against_the_mean(
    dealt: pd.DataFrame, logits: pd.DataFrame
) -> None:
    included, _ = draw()
    table = finetuned.scale(included, dealt, logits).set_index("scored_by")
    internal = logits[logits.case_id.isin(included.case_id[included.split == "internal"])]
    mean = internal[[f"deep_{k:04d}" for k in range(FOLDS)]].mean(axis=1)
    assert table.loc["mean", "sd"] == pytest.approx(mean.std())
    assert table.loc["fold-2", "mean"] == pytest.approx(internal.deep_0002.mean())
    assert table.loc["out of fold", "n"] == len(dealt)
    turned = included.assign(y=1 - included.y)
    assert finetuned.scale(turned, dealt, logits).equals(table.reset_index())


def test_memorized_features_fool_the_apparent_score_and_not_the_cross_fitted() -> None:
    """Every network has memorized the labels it saw, in one of its features."""
    included, plain = draw(effect=0)
    dealt = network_folds.deal(included, n_folds=FOLDS, seed=1)
    fold = included.case_id.map(dealt.set_index("case_id").fold)
    random = np.random.default_rng(2)
    blocks = []
    for left_out in (None, *range(FOLDS)):
        features = plain.filter(like="deep_").iloc[:, :8].to_numpy().copy()
        seen = fold.notna() & (fold != left_out)
        features[:, 3] = np.where(seen, 2.0 * included.y, 1) + random.normal(size=len(included))
        blocks.append(features)
    values = pd.DataFrame(np.hstack(blocks))
    values.columns = [f"deep_{j:04d}" for j in values.columns]
    table = pd.concat([plain[["case_id", "n_views"]], values], axis=1)
    chosen = finetuned.select(included, dealt, table, settings=SETTINGS, seed=1)
    assert "deep_0003" in set(chosen.chain.selected.feature)
    assert (chosen.chain.selected.feature.iloc[1:] < "deep_0008").all()
    for k in range(FOLDS):
        own = chosen.crossfit_selected[chosen.crossfit_selected.fold == k].feature.iloc[1:]
        assert own.between(f"deep_{8 * (k + 1):04d}", f"deep_{8 * (k + 1) + 7:04d}").all()
    out = chosen.crossfit[chosen.crossfit.fold == chosen.crossfit.also_left_out]
    y = included.set_index("case_id").y
    assert abs(roc_auc_score(y[out.case_id], out.score) - 0.5) < 0.12
    train = table[table.case_id.isin(dealt.case_id)]
    apparent = chosen.chain.score(train.filter(like="deep_"))
    assert roc_auc_score(y[train.case_id], apparent) > 0.85
