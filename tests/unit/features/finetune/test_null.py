"""With permuted labels nothing is found, out of fold or on validation; with true ones it is."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from tests.unit.features.finetune.conftest import Small, Tune, small_study
from tests.unit.features.finetune.scored import logits

from microcalc.features.finetune import network_folds
from microcalc.models.equation import logit_calibrated
from microcalc.selection import finetuned

pytestmark = pytest.mark.slow

SEEDS = range(12)


def aucs(study: Small, tune: Tune, into: str, *, epochs: int = 3) -> tuple[float, float]:
    """Return the AUC of the training cases' calibrated out-of-fold scores, and of validation."""
    members = ("fold-0", "fold-1", "fold-2")
    trained = [Path(tune(study, m, into=into, epochs=epochs).weights) for m in members]
    found = logits(study, trained)
    dealt = network_folds.deal(study.included, n_folds=3, seed=3)
    selected, crossfit = finetuned.of_logits(dealt, found)
    assert selected["coefficient"].tolist() == [0, *[1 / 3] * 3]
    plain = crossfit.scores[crossfit.scores.fold == crossfit.scores.also_left_out]
    score = plain.set_index("case_id").score.loc[dealt.case_id].to_numpy()
    y, fold = dealt.y.to_numpy(), dealt.fold.to_numpy()
    log_odds = np.empty(len(y))
    for k in range(3):
        rest = fold != k
        equation = logit_calibrated("tuned", score[rest], y[rest])
        log_odds[~rest] = equation.intercept + equation.coefficients[0] * score[~rest]
    rest = study.included[study.included.split == "internal"]
    mean = found.set_index("case_id").drop(columns="n_views").loc[rest.case_id].mean(axis=1)
    return roc_auc_score(y, log_odds), roc_auc_score(rest.y, mean)


@pytest.fixture(scope="module")
def null() -> list[Small]:
    """The same pictures with labels dealt at random, once for each seed."""
    found = []
    for seed in SEEDS:
        study = small_study(5, signal=0.35, n_train=30, n_rest=20)
        labels = np.random.default_rng(seed)
        cases = study.included.copy()
        for split in ("train", "internal"):
            own = cases.split == split
            cases.loc[own, "y"] = labels.permutation(cases.loc[own, "y"])
        found.append(Small(cases, study.shards))
    return found


def test_permuted_labels_give_chance(null: list[Small], tune: Tune) -> None:
    found = np.array([aucs(study, tune, str(seed)) for seed, study in enumerate(null)])
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(found.mean(axis=0) - 0.5) <= 3 * error).all(), found
    assert (found.std(axis=0) > 0.02).all()


def test_true_labels_give_more(tune: Tune) -> None:
    study = small_study(5, signal=0.6, n_train=60, n_rest=20)
    out_of_fold, validation = aucs(study, tune, "true", epochs=6)
    assert min(out_of_fold, validation) > 0.7
