"""Scores of training cases from selections that never saw them.

The whole chain is fitted again without each fold, and without each pair of folds. The first
gives every training case an out-of-fold score; the second lets a model that takes the score
as an input be validated in its turn: to predict fold j it is trained on cases of the other
folds, whose scores must then come from chains that saw neither their own fold nor j.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from microcalc.cohort.eligible import FEWEST_PATIENTS, small_classes
from microcalc.config.selection_settings import SelectionSettings
from microcalc.core import seeds
from microcalc.core.errors import StudyError
from microcalc.selection import chain
from microcalc.statistics.folds import assign_folds

__all__ = ["CrossFit", "assign_folds", "fit", "scores"]


@dataclass(frozen=True)
class CrossFit:
    """What the chains that leave cases out gave.

    Attributes
    ----------
    scores
        case_id, fold, also_left_out, score, sorted: n times `folds` rows. The chain that
        made a row's score was fitted without the case's own `fold` and without fold
        `also_left_out`; where the two are equal it is the plain out-of-fold score.
    selected
        fold, feature, mean, sd, coefficient: `selected` of the chain fitted without that fold.
    """

    scores: pd.DataFrame
    selected: pd.DataFrame


def fit(
    X: ArrayLike,
    y: ArrayLike,
    patients: ArrayLike,
    *,
    case_ids: ArrayLike,
    feature_names: Sequence[str],
    settings: SelectionSettings,
    seed: int,
    redrawn: Sequence[chain.Redrawn] = (),
    threads: int = 1,
) -> CrossFit:
    """Fit the chain without every fold and every pair of folds; score the cases left out.

    Parameters
    ----------
    X, y, patients, feature_names, settings, seed, redrawn
        As in `chain.fit`; `settings.folds` is the number of cross-fitting folds.
    case_ids
        Shape (n,).
    threads
        How many chains to fit at a time; the result does not depend on it.

    Returns
    -------
    CrossFit
        Out-of-fold scores, and what each fold's chain selected.

    Raises
    ------
    StudyError
        With fewer patients than folds, or fewer than `FEWEST_PATIENTS` of a class.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.config.selection_settings import SelectionSettings
    >>> from microcalc.core import seeds
    >>> from microcalc.selection import crossfit
    >>> y, X = np.repeat([0, 1], 30), seeds.stream(1, "features").normal(size=(60, 40))
    >>> X[:, 3] += 2 * y
    >>> lasso = {"n_lambdas": 50, "folds": 5, "choose": "lambda_1se"}
    >>> chosen = {"folds": 3, "mrmr": {"n_features": 5}, "lasso": lasso}
    >>> settings = SelectionSettings.of(chosen)
    >>> names = [f"deep_{j:04d}" for j in range(40)]
    >>> ids = {"case_ids": np.arange(60), "feature_names": names}
    >>> found = crossfit.fit(X, y, np.arange(60), settings=settings, seed=1, **ids)
    >>> len(found.scores), sorted(set(found.selected["fold"]))  # three scores of every case
    (180, [0, 1, 2])
    """
    n_folds = settings.folds
    values, outcome = np.asarray(X, dtype=float), np.asarray(y)
    patient, cases = np.asarray(patients, dtype=str), np.asarray(case_ids, dtype=str)
    fold = assign_folds(outcome, patient, n_folds=n_folds, seed=seeds.derive(seed, "crossfit"))
    _refuse_few(outcome, patient)

    def without(folds: tuple[int, int]) -> tuple[chain.Chain, pd.DataFrame]:
        k, j = folds
        rest = (fold != k) & (fold != j)
        fitted = chain.fit(
            values[rest],
            outcome[rest],
            patient[rest],
            feature_names=feature_names,
            settings=settings,
            seed=seeds.derive(seed, "crossfit", k, j),
            redrawn=[drawn.take(rest) for drawn in redrawn],
        )
        out = ~rest
        scored = pd.DataFrame(
            {
                "case_id": cases[out],
                "fold": fold[out],
                "also_left_out": np.where(fold[out] == k, j, k),
                "score": fitted.score(values[out]),
            }
        )
        return fitted, scored

    pairs = list(combinations_with_replacement(range(n_folds), 2))
    # Threads, since nearly all of a chain's time is spent in compiled code.
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(without, pairs))
    selected = [
        fitted.selected.assign(fold=k)
        for (k, j), (fitted, _) in zip(pairs, found, strict=True)
        if k == j
    ]
    tables = [scored for _, scored in found]
    return CrossFit(
        pd.concat(tables).sort_values(["case_id", "also_left_out"]).reset_index(drop=True),
        pd.concat(selected, ignore_index=True)[["fold", "feature", "mean", "sd", "coefficient"]],
    )


def _refuse_few(y: NDArray[Any], patients: NDArray[Any]) -> None:
    for name, count in small_classes(zip(y, patients, strict=True)).items():
        raise StudyError(
            f"{count} {name} patients are left in training after exclusions; out-of-fold "
            f"scores need {FEWEST_PATIENTS} of each class (images/qc.csv says who left and why)"
        )


def scores(X: ArrayLike, y: ArrayLike, patients: ArrayLike, **options: Any) -> pd.DataFrame:
    """Return `fit(...).scores`, the table `crossfit.csv`.

    Parameters
    ----------
    X, y, patients
        As for `fit`.
    **options
        The others of `fit`.

    Returns
    -------
    pandas.DataFrame
        As `CrossFit.scores`.

    Raises
    ------
    StudyError
        As `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from microcalc.config.selection_settings import SelectionSettings
    >>> from microcalc.core import seeds
    >>> from microcalc.selection import crossfit
    >>> y, X = np.repeat([0, 1], 30), seeds.stream(1, "features").normal(size=(60, 8))
    >>> X[:, 3] += 2 * y
    >>> lasso = {"n_lambdas": 20, "folds": 3}
    >>> chosen = {"folds": 3, "mrmr": {"n_features": 5}, "lasso": lasso}
    >>> settings = SelectionSettings.of(chosen)
    >>> ids = {"case_ids": np.arange(60), "feature_names": list("abcdefgh")}
    >>> crossfit.scores(X, y, np.arange(60), settings=settings, seed=1, **ids).columns.tolist()
    ['case_id', 'fold', 'also_left_out', 'score']
    """
    return fit(X, y, patients, **options).scores
