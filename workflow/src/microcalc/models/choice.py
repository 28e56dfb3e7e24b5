"""Model selection on internal validation: which of several models goes on to external cases."""

import logging
import os
from collections.abc import Mapping, Sequence
from typing import TypedDict

import pandas as pd

from microcalc.core.errors import StudyError
from microcalc.core.files import digest_file
from microcalc.models import frozen, predict
from microcalc.statistics.auc import auc

logger = logging.getLogger(__name__)


class Candidate(TypedDict):
    """A model among those that are chosen from."""

    model: str
    score: str
    auc: float
    digest: str


class Choice(TypedDict):
    """What `models/choice.json` holds, see `on_internal`."""

    chosen: str
    score: str
    selected_on: str | None
    n: int
    n_positive: int
    candidates: list[Candidate]


def on_internal(
    models: Sequence[str | os.PathLike[str]],
    included: pd.DataFrame,
    features: Mapping[str, pd.DataFrame],
) -> Choice:
    """Return the model that is chosen by its AUC on internal validation; the first of equals.

    Cases of no other split are looked at. The AUC of the chosen model is the largest of several,
    and so too large an estimate of what it would reach again.

    Parameters
    ----------
    models
        Files of the frozen models to choose among, each of at least one score.
    included
        The included cases: case_id, split, y and the clinical columns the models use.
    features
        case_id and features, by table of columns.

    Returns
    -------
    Choice
        chosen, the model's name; score, its first; selected_on, "internal", or None where nothing
        was chosen among; n, n_positive, the cases of internal validation; candidates, each with
        model, score, auc and digest (SHA-256 of its file).

    Raises
    ------
    StudyError
        When internal validation lacks cases of a class, a file is no frozen model, or a case has no
        features.
    """
    cases = included[included["split"] == "internal"]
    if cases["y"].nunique() < 2:
        raise StudyError(
            "a set of features is of kind finetuned, and whether to use it is decided on internal "
            f"validation, whose {len(cases)} cases are not of both classes; give it some of each "
            "(cohort.train_fraction, or column split), or take the fine-tuned models out"
        )
    candidates: list[Candidate] = []
    for path in models:
        model = frozen.read(path)
        probability = predict.predict([model], cases, features)["probability"]
        candidates.append(
            {
                "model": model["name"],
                "score": model["scores"][0]["name"],
                "auc": auc(cases["y"].to_numpy(), probability.to_numpy()),
                "digest": digest_file(path),
            }
        )
    best = max(candidates, key=lambda candidate: candidate["auc"])
    logger.info("chosen on internal validation: %s", best["model"])
    return {
        "chosen": best["model"],
        "score": best["score"],
        "selected_on": "internal" if len(candidates) > 1 else None,
        "n": len(cases),
        "n_positive": int(cases["y"].sum()),
        "candidates": candidates,
    }
