"""Who learns, who says when to stop, and who is never seen."""

import numpy as np
import pandas as pd
import pytest

from microcalc.config.feature_sets import WHOLE, folds, left_out
from microcalc.core.errors import StudyError
from microcalc.features.finetune import network_folds


@pytest.fixture
def included() -> pd.DataFrame:
    """Sixty training patients, a third of them with two cases, and some validation cases."""
    patient = np.concatenate([np.arange(60), np.arange(0, 60, 3)])
    cases = pd.DataFrame(
        {
            "case_id": [f"c{i:03d}" for i in range(len(patient))],
            "patient_id": [f"p{i:02d}" for i in patient],
            "split": "train",
            "y": (patient % 5 < 2).astype(int),
        }
    )
    others = cases.tail(6).assign(case_id=[f"v{i}" for i in range(6)], split="internal")
    return pd.concat([cases, others], ignore_index=True)


def test_folds_keep_patients_together_and_classes_even(included: pd.DataFrame) -> None:
    dealt = network_folds.deal(included, n_folds=5, seed=1)
    assert set(dealt.case_id) == set(included.case_id[included.split == "train"])
    assert (dealt.groupby("patient_id").fold.nunique() == 1).all()
    shares = dealt.groupby("fold").y.mean()
    assert shares.max() - shares.min() < 0.1
    shuffled = included.sample(frac=1, random_state=3)
    assert network_folds.deal(shuffled, n_folds=5, seed=1).equals(dealt)


@pytest.mark.parametrize("member", [*folds(5), WHOLE])
def test_stopping_is_cut_from_what_the_network_may_see(included: pd.DataFrame, member: str) -> None:
    dealt = network_folds.deal(included, n_folds=5, seed=1)
    part = np.array(network_folds.parts(dealt, member, holdout=0.2, seed=1))
    assert ((part == network_folds.UNSEEN) == (dealt.fold == left_out(member))).all()
    by_part = dealt.groupby(part).patient_id.agg(set)
    assert not by_part[network_folds.LEARN] & by_part[network_folds.STOP]
    seen = dealt[part != network_folds.UNSEEN]
    share = dealt[part == network_folds.STOP].patient_id.nunique() / seen.patient_id.nunique()
    assert share == pytest.approx(0.2, abs=0.05)
    assert dealt[part == network_folds.STOP].y.nunique() == 2


def test_too_few_to_stop_by(included: pd.DataFrame) -> None:
    few = included[included.patient_id.isin([f"p{i:02d}" for i in (0, 1, 2, 3, 4, 5, 6, 8)])]
    dealt = network_folds.deal(few.drop_duplicates("patient_id"), n_folds=3, seed=1)
    dealt = dealt.assign(fold=[0, 0, 1, 1, 1, 1, 2, 2], y=[1, 0, 1, 0, 0, 0, 0, 0])
    with pytest.raises(StudyError, match=r"of one class; a larger features\.<name>\.holdout"):
        network_folds.parts(dealt, "fold-0", holdout=0.25, seed=1)
