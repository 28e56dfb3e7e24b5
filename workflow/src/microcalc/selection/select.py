"""The selection room's one call: from the study's tables to everything under `selection/`."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from microcalc.config.selection_settings import SelectionSettings
from microcalc.selection import chain, crossfit
from microcalc.selection.training import redrawn_features, training_cases

logger = logging.getLogger(__name__)

FEW = 30
"""Cases below which a reliability study is thought too small (Koo and Li 2016, see `filters`)."""


@dataclass(frozen=True)
class Selection:
    """The final chain, fitted on all training cases, and the cross-fitted scores.

    Attributes
    ----------
    chain
        What every case outside training is scored with.
    crossfit
        `crossfit.csv`: case_id, fold, also_left_out, score.
    crossfit_selected
        The features each chain without one fold selected: fold, feature, mean, sd, coefficient.
    """

    chain: chain.Chain
    crossfit: pd.DataFrame
    crossfit_selected: pd.DataFrame


def select(
    included: pd.DataFrame,
    features: pd.DataFrame,
    redrawn: Sequence[pd.DataFrame] = (),
    *,
    settings: SelectionSettings,
    seed: int,
    least_iccs: Sequence[float] = (),
    threads: int = 1,
) -> Selection:
    """Select features on the training cases and cross-fit the selection.

    Parameters
    ----------
    included
        The included cases of every split; only `train` is looked at.
    features
        case_id and the features per case, of one set or of several side by side.
    redrawn
        case_id, copy and the features of a set from regions drawn otherwise, for the stability
        filter: of each set one table for perturbed regions and one for other readers'.
    settings
        The config's `selection`.
    seed
        The study's seed.
    least_iccs
        The least stability that each of `redrawn` is asked for, an ICC.
    threads
        How many cross-fitted chains to fit at a time; the result does not depend on it.

    Returns
    -------
    Selection
        The chain of all training cases, and the out-of-fold scores.

    Raises
    ------
    StudyError
        As `training.training_cases` and `crossfit.fit`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from microcalc.config.selection_settings import SelectionSettings
    >>> from microcalc.core import seeds
    >>> from microcalc.selection.select import select
    >>> ids, y = np.arange(60).astype(str), np.repeat([0, 1], 30)
    >>> included = pd.DataFrame({"case_id": ids, "patient_id": ids, "split": "train", "y": y})
    >>> X = seeds.stream(1, "features").normal(size=(60, 10))
    >>> X[:, 3] += 2 * y
    >>> features = pd.DataFrame(X, columns=[f"deep_{j:04d}" for j in range(10)])
    >>> features.insert(0, "case_id", ids)
    >>> lasso = {"n_lambdas": 20, "folds": 3}
    >>> chosen = {"folds": 3, "mrmr": {"n_features": 5}, "lasso": lasso}
    >>> settings = SelectionSettings.of(chosen)
    >>> found = select(included, features, settings=settings, seed=1)
    >>> found.chain.mrmr["feature"].iloc[0], found.crossfit.shape
    ('deep_0003', (180, 4))
    """
    cases = training_cases(included, features)
    others = redrawn_features(redrawn, least_iccs, cases.case_ids, cases.feature_names)
    for drawn in others:
        _tell_how_many(drawn.values)
    logger.info("selecting on %d training cases, %d features", *cases.X.shape)
    final = chain.fit(
        cases.X,
        cases.y,
        cases.patients,
        feature_names=cases.feature_names,
        settings=settings,
        seed=seed,
        redrawn=others,
    )
    crossfitted = crossfit.fit(
        cases.X,
        cases.y,
        cases.patients,
        case_ids=cases.case_ids,
        feature_names=cases.feature_names,
        settings=settings,
        seed=seed,
        redrawn=others,
        threads=threads,
    )
    logger.info("%d features selected", len(final.columns))
    return Selection(final, crossfitted.scores, crossfitted.selected)


def _tell_how_many(copies: NDArray[np.float64]) -> None:
    """Log on how many cases stability is judged, loudly when they are few."""
    judged = int((~np.isnan(copies).any(axis=(0, 2))).sum())
    level = logging.INFO if judged >= FEW else logging.WARNING
    logger.log(level, "stability is judged on %d of %d cases", judged, copies.shape[1])
