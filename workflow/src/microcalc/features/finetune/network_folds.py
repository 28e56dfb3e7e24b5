"""Folds of the fine-tuned networks: which cases each learns from, stops by, and never sees."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from microcalc.cohort.eligible import FEWEST_PATIENTS, small_classes
from microcalc.config.feature_sets import left_out
from microcalc.core import seeds
from microcalc.core.errors import StudyError
from microcalc.statistics.folds import assign_folds

LEARN, STOP, UNSEEN = "learn", "stop", "unseen"


def deal(included: pd.DataFrame, *, n_folds: int, seed: int) -> pd.DataFrame:
    """Return the training cases with their folds, grouped by patient and stratified by class.

    Parameters
    ----------
    included
        case_id, patient_id, split and y of the included cases; only `train` is looked at.
    n_folds
        K, the number of networks.
    seed
        The study's seed.

    Returns
    -------
    DataFrame
        case_id, patient_id, y, fold (0 ... K - 1), sorted by case_id.

    Raises
    ------
    StudyError
        When a class has too few patients, or there are fewer patients than folds.
    """
    train = included[included["split"] == "train"].sort_values("case_id").reset_index(drop=True)
    for name, count in small_classes(zip(train["y"], train["patient_id"], strict=True)).items():
        raise StudyError(
            f"{count} {name} patients are left in training; fine-tuning needs {FEWEST_PATIENTS} "
            "of each class (images/qc.csv says who left and why)"
        )
    fold = assign_folds(
        train["y"], train["patient_id"], n_folds=n_folds, seed=seeds.derive(seed, "finetune")
    )
    return train[["case_id", "patient_id", "y"]].assign(fold=fold)


def parts(cases: pd.DataFrame, member: str, *, holdout: float, seed: int) -> Sequence[str]:
    """Return the part that each case has in the training of one network.

    Parameters
    ----------
    cases
        From `deal`.
    member
        `fold-k`, which never sees fold k, or `whole`.
    holdout
        About this share of the patients it may see decides when to stop, and is not learned from.
    seed
        The study's seed.

    Returns
    -------
    sequence of str
        `LEARN`, `STOP` or `UNSEEN` per row of `cases`.

    Raises
    ------
    StudyError
        When cases to learn from, or to stop by, are of one class alone.
    """
    seen = (cases["fold"] != left_out(member)).to_numpy()
    rest = cases[seen]
    inner = assign_folds(
        rest["y"],
        rest["patient_id"],
        n_folds=round(1 / holdout),
        seed=seeds.derive(seed, "finetune", member),
    )
    part = np.full(len(cases), UNSEEN)
    part[seen] = np.where(inner == 0, STOP, LEARN)
    for name in (LEARN, STOP):
        if cases.loc[part == name, "y"].nunique() < 2:
            raise StudyError(
                f"{member}: the {(part == name).sum()} cases to {name} by are of one class; a "
                "larger features.<name>.holdout or fewer folds would leave some of both"
            )
    found: list[str] = part.tolist()
    return found
