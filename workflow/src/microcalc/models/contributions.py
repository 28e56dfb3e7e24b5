"""What each term of a frozen model adds to a case's log odds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from microcalc.config.score_names import score_column
from microcalc.models import equation, frozen
from microcalc.models.predict import with_scores
from microcalc.models.term import Term, texts
from microcalc.selection.chain import INTERCEPT
from microcalc.selection.training import feature_matrix, joined

COLUMNS = ("case_id", "model", "part_of", "term", "case_value", "stands_in", "contribution")
LOG_ODDS = "log odds"


def table(
    models: Sequence[frozen.FrozenModel],
    cases: pd.DataFrame,
    features: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """Return every term's coefficient times value, with `COLUMNS`.

    Parameters
    ----------
    models, cases, features
        As for `predict.predict`.

    Returns
    -------
    pandas.DataFrame
        The rows whose `part_of` is "log odds" add up to a case's log odds, those whose `part_of`
        is a score's, such as "deep_score", to that score. `case_value` is what the case has, empty
        where missing; `stands_in` is what was used in the place of a missing value or an unknown
        level. In the order of models, cases and terms.

    Raises
    ------
    StudyError
        When a case lacks features, or the table of cases a variable of a model.
    """
    rows = [row for model in models for row in _of_model(model, cases, features)]
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    # Made term by term; models keep their order, and sorting by case keeps that of the terms.
    order = {case_id: place for place, case_id in enumerate(cases["case_id"])}
    names = {model["name"]: place for place, model in enumerate(models)}
    place = found["model"].map(names) * len(order) + found["case_id"].map(order)
    return found.iloc[place.argsort(kind="stable")].reset_index(drop=True)


def _of_model(
    model: frozen.FrozenModel, cases: pd.DataFrame, features: Mapping[str, pd.DataFrame]
) -> Iterator[tuple[Any, ...]]:
    formula = equation.from_json(model)
    given = with_scores(model, cases, features)
    columns = formula.design.matrix(given) * np.array(formula.coefficients)
    groups = np.array(formula.design.groups)
    name, case_ids = model["name"], list(cases["case_id"])
    for case_id in case_ids:
        yield case_id, name, LOG_ODDS, INTERCEPT, "", "", model["intercept"]
    for term in formula.design.terms:
        added = columns[:, groups == term.variable].sum(axis=1).tolist()
        shown = texts(given[term.variable])
        for case_id, text, contribution in zip(case_ids, shown, added, strict=True):
            used = _stands_in(term, text)
            yield case_id, name, LOG_ODDS, term.variable, text or "", used, contribution
    for score in model["scores"]:
        yield from _of_score(name, score, case_ids, features)


def _stands_in(term: Term, text: str | None) -> str:
    unknown = term.kind == "categorical" and text not in term.levels
    return str(term.impute) if text is None or unknown else ""


def _of_score(
    model: str,
    score: frozen.ScorePart,
    case_ids: list[str],
    features: Mapping[str, pd.DataFrame],
) -> Iterator[tuple[Any, ...]]:
    chosen, part_of = tuple(own["name"] for own in score["features"]), score_column(score["name"])
    columns = joined([features[table] for table in score["tables"]])
    values = feature_matrix(columns, pd.Series(case_ids), chosen)
    for case_id, row in zip(case_ids, values, strict=True):
        yield case_id, model, part_of, INTERCEPT, "", "", score["intercept"]
        for feature, value in zip(score["features"], row.tolist(), strict=True):
            scaled = (value - feature["mean"]) / feature["sd"]
            contribution = feature["coefficient"] * scaled
            yield case_id, model, part_of, feature["name"], repr(value), "", contribution
