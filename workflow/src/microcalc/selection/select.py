"""The selection room's one call: from the study's tables to everything under `selection/`."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from microcalc.selection import chain, crossfit
from microcalc.selection.training import training_cases

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Selection:
    """The final chain, fitted on all training cases, and the cross-fitted scores."""

    chain: chain.Chain
    crossfit: pd.DataFrame


def select(
    included: pd.DataFrame, features: pd.DataFrame, *, settings: Mapping[str, Any], seed: int
) -> Selection:
    """Select deep features on the training cases and cross-fit the selection.

    Parameters
    ----------
    included
        The included cases of every split; only `train` is looked at.
    features
        case_id and the deep features per case.
    settings
        The config's `selection`.
    seed
        The study's seed.
    """
    cases = training_cases(included, features)
    logger.info("selecting on %d training cases, %d features", *cases.X.shape)
    final = chain.fit(
        cases.X,
        cases.y,
        cases.patients,
        feature_names=cases.feature_names,
        settings=settings,
        seed=seed,
    )
    scores = crossfit.scores(
        cases.X,
        cases.y,
        cases.patients,
        case_ids=cases.case_ids,
        feature_names=cases.feature_names,
        settings=settings,
        seed=seed,
    )
    logger.info("%d features selected", len(final.columns))
    return Selection(final, scores)
