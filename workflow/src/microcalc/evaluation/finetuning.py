"""Frozen against fine-tuned: `finetuning.csv`, and the metrics that a model was chosen by."""

import os
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

import pandas as pd

from microcalc.core.files import read_json
from microcalc.evaluation import compare
from microcalc.models.choice import Choice
from microcalc.models.frozen import FrozenModel

KINDS = {"train": "out_of_fold", "internal": "held_out"}


def table(
    rows: pd.DataFrame, choice: Choice, finetuned: Collection[str], *, confidence: float
) -> pd.DataFrame:
    """Return DeLong's paired test of every two models that were chosen among.

    On internal validation, where the choice was made, and on out-of-fold scores of the training
    set; not on external cases, of which the choice must know nothing.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    choice
        `models/choice.json`.
    finetuned
        Names of the scores that are made of fine-tuned networks.
    confidence
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        `compare.COLUMNS`, and `chosen`, the model that went on. A model of a fine-tuned network
        stands first, and delta is its AUC less the other's.

    Raises
    ------
    StudyError
        As `compare.table`.
    """
    names = [candidate["model"] for candidate in choice["candidates"]]
    is_tuned = {c["model"]: c["score"] in finetuned for c in choice["candidates"]}
    pairs = [sorted(pair, key=lambda name: not is_tuned[name]) for pair in combinations(names, 2)]
    judged = rows[rows["kind"] == rows["split"].map(KINDS)]
    compared = compare.table(judged, pairs, confidence=confidence)
    return compared.assign(chosen=choice["chosen"])


def mark(
    metrics: pd.DataFrame,
    models: Mapping[str, FrozenModel],
    choices: Sequence[str | os.PathLike[str]],
) -> pd.DataFrame:
    """Return the metrics with column `selected_on` where a model was chosen by some of them.

    Every model that takes the chosen score owes it to that choice, and its AUC on
    the set that the choice was made on is no fair estimate any more.

    Parameters
    ----------
    metrics
        model and split of each row.
    models
        The frozen models by name.
    choices
        `models/choice.json`, where a choice was made.

    Returns
    -------
    pandas.DataFrame
        `selected_on` is yes or no; without a choice the metrics are as they were.

    Raises
    ------
    StudyError
        When the choice's file is damaged.
    """
    if not choices:
        return metrics
    choice: Choice = read_json(choices[0])
    chosen = [
        name
        for name, model in models.items()
        if choice["score"] in (score["name"] for score in model["scores"])
    ]
    marked = metrics["model"].isin(chosen) & (metrics["split"] == choice["selected_on"])
    return metrics.assign(selected_on=marked.map({True: "yes", False: "no"}))
