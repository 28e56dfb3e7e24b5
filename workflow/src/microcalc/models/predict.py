"""Prediction with frozen models, by one function for all of them."""

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from scipy.special import expit

from microcalc.config.score_names import score_column
from microcalc.core.errors import StudyError
from microcalc.core.files import read_csv
from microcalc.models import equation, frozen
from microcalc.models.recipe import score_values
from microcalc.selection.chain import INTERCEPT
from microcalc.selection.training import joined

COLUMNS = ("case_id", "patient_id", "center", "split", "y", "model", "kind", "probability")

logger = logging.getLogger(__name__)

Path = str | os.PathLike[str]


def predict(
    models: Sequence[frozen.FrozenModel],
    cases: pd.DataFrame,
    features: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """Return the probability of the positive class per model and case.

    Parameters
    ----------
    models
        Frozen models, as read from their JSON.
    cases
        case_id and the clinical columns the models use, one row per case.
    features
        case_id and features, by table of columns; models without scores look at none.

    Returns
    -------
    pandas.DataFrame
        case_id, model, probability: the models in their order, the cases in theirs.

    Raises
    ------
    StudyError
        When a case lacks features, or the table of cases a variable of a model.
    """
    tables = [
        pd.DataFrame(
            {
                "case_id": cases["case_id"],
                "model": model["name"],
                "probability": expit(_linear_predictor(model, cases, features)),
            }
        )
        for model in models
    ]
    return pd.concat(tables, ignore_index=True)


def collect(
    models: Sequence[Path],
    training: Sequence[Path],
    included: pd.DataFrame,
    features: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """Return every prediction of the study, the table `predictions.csv`.

    Parameters
    ----------
    models, training
        Files of the frozen models and of their training predictions, in the same order.
    included
        The included cases of every split.
    features
        case_id and features, by table of columns.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`; kind is apparent and out_of_fold for training cases, held_out for
        the others; sorted by case, model and kind.

    Raises
    ------
    StudyError
        When models and training predictions are not equally many, a file is damaged or no frozen
        model, or a case lacks features.
    """
    if len(models) != len(training):
        raise StudyError(f"{len(models)} models but {len(training)} tables of training predictions")
    frozen_models = [frozen.read(path) for path in models]
    held_out = included[included["split"] != "train"]
    tables = []
    for model, path in zip(frozen_models, training, strict=True):
        tables.append(predict([model], held_out, features).assign(kind="held_out"))
        tables.append(read_csv(path).assign(model=model["name"]))
    identity = included[["case_id", "patient_id", "center", "split", "y"]]
    table = pd.concat(tables, ignore_index=True).merge(identity, on="case_id", validate="m:1")
    return table[list(COLUMNS)].sort_values(["case_id", "model", "kind"]).reset_index(drop=True)


def score_table(
    included: pd.DataFrame,
    features: Mapping[str, pd.DataFrame],
    made_of: Mapping[str, Mapping[str, Any]],
    *,
    selected: Mapping[str, pd.DataFrame],
    crossfit: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """Return the scores (log odds) of every included case, the table `scores.csv`.

    Parameters
    ----------
    included
        The included cases.
    features
        case_id and features, by table of columns.
    made_of
        By score, `tables` and `learner`, see `plan.rule_params.scores`.
    selected, crossfit
        By score, the selection's tables of these names.

    Returns
    -------
    pandas.DataFrame
        case_id, patient_id, split, score, kind, value. Training cases stand twice: apparent, by
        the final chain that has seen them, and out_of_fold; the others are held_out.

    Raises
    ------
    StudyError
        When a case lacks features, or two tables of a score have a column of the same name.
    """
    tables = [
        _scores(
            included,
            joined([features[table] for table in made_of[name]["tables"]]),
            selected[name],
            crossfit[name],
        ).assign(score=name)
        for name in made_of
    ]
    columns = ["case_id", "patient_id", "split", "score", "kind", "value"]
    table = pd.concat(tables, ignore_index=True)[columns]
    return table.sort_values(["score", "case_id", "kind"]).reset_index(drop=True)


def _scores(
    included: pd.DataFrame,
    features: pd.DataFrame,
    selected: pd.DataFrame,
    crossfit: pd.DataFrame,
) -> pd.DataFrame:
    final = included[["case_id", "patient_id", "split"]].copy()
    final["kind"] = ["apparent" if split == "train" else "held_out" for split in final["split"]]
    final["value"] = score_values(features, final["case_id"], selected)
    plain = crossfit[crossfit["fold"] == crossfit["also_left_out"]]
    folds = final[final["split"] == "train"].drop(columns="value").assign(kind="out_of_fold")
    plain = plain[["case_id", "score"]].rename(columns={"score": "value"})
    folds = folds.merge(plain, on="case_id", validate="1:1")
    return pd.concat([final, folds], ignore_index=True)


def with_scores(
    model: frozen.FrozenModel, cases: pd.DataFrame, features: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Return the cases with the model's scores as further columns.

    Parameters
    ----------
    model, cases, features
        As for `predict`.

    Returns
    -------
    pandas.DataFrame
        A copy with `score_column(name)` for each of the model's scores, in log odds; the cases
        themselves where it has none.

    Raises
    ------
    StudyError
        When a case lacks features.
    """
    for score in model["scores"]:
        first = {"feature": INTERCEPT, "mean": 0.0, "sd": 1.0, "coefficient": score["intercept"]}
        others = [{**own, "feature": own["name"]} for own in score["features"]]
        columns = joined([features[table] for table in score["tables"]])
        values = score_values(columns, cases["case_id"], pd.DataFrame([first, *others]))
        cases = cases.assign(**{score_column(score["name"]): values})
    return cases


def _linear_predictor(
    model: frozen.FrozenModel, cases: pd.DataFrame, features: Mapping[str, pd.DataFrame]
) -> "pd.Series[float]":
    formula = equation.from_json(model)
    cases = with_scores(model, cases, features)
    for variable, level, count in formula.design.unseen(cases):
        logger.warning(
            "model %s: %d cases have %s = %r, which no training case had; treated as missing",
            *(model["name"], count, variable, level),
        )
    return pd.Series(formula.linear_predictor(cases), index=cases.index)
