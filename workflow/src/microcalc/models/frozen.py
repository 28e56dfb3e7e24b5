"""Frozen models as JSON files: what they hold, reading, and checking against their schema.

The types are those of workflow/schemas/model.yaml, which describes every key.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import jsonschema
import yaml

from microcalc.config.score_names import score_column, score_of
from microcalc.core.errors import StudyError, shown
from microcalc.core.files import read_json

SCHEMA_VERSION = 2
SCHEMA = Path(__file__).parents[3] / "schemas" / "model.yaml"


class ClassNames(TypedDict):
    """Names of the two classes."""

    negative: str
    positive: str


class Spline(TypedDict):
    """The bends of a restricted cubic spline."""

    knots: list[float]
    coefficients: list[float]


class ModelTerm(TypedDict):
    """A predictor: `coefficient` of a number, `reference` and `coefficients` of levels."""

    variable: str
    kind: Literal["continuous", "categorical", "score"]
    coefficient: NotRequired[float]
    reference: NotRequired[str]
    coefficients: NotRequired[dict[str, float]]
    if_missing: NotRequired[float | str]
    missing_coefficient: NotRequired[float]
    spline: NotRequired[Spline]


class EquationPart(TypedDict):
    """What of a model is its equation."""

    intercept: float
    terms: list[ModelTerm]


class ScoreFeature(TypedDict):
    """A selected feature, and how it is scaled."""

    name: str
    mean: float
    sd: float
    coefficient: float


class Preprocessing(TypedDict):
    """How an image becomes features; both parts with the version of their code."""

    images: dict[str, Any]
    features: dict[str, Any]
    digest: str


class ScorePart(TypedDict):
    """A score, and the tables of columns that it is made of."""

    name: str
    learner: str
    tables: list[str]
    intercept: float
    features: list[ScoreFeature]


class TablePart(TypedDict):
    """How a table of columns comes about."""

    kind: str
    weights: NotRequired[dict[str, str]]
    preprocessing: Preprocessing


class ThresholdRule(TypedDict):
    """How the threshold was chosen, and what it reached there."""

    rule: str
    at_least: NotRequired[float | None]
    scores: str
    sensitivity: float
    specificity: float


class TrainingCases(TypedDict):
    """The cases that a model was fitted on."""

    n: int
    n_positive: int
    digest: str


class FrozenModel(EquationPart):
    """All that is needed to predict."""

    schema: int
    name: str
    labels: ClassNames
    method: str
    scores: list[ScorePart]
    tables: dict[str, TablePart]
    threshold: float
    threshold_rule: ThresholdRule
    notes: list[str]
    training: TrainingCases
    settings_digest: str
    versions: dict[str, str]


def check(model: FrozenModel, name: str = "the model") -> FrozenModel:
    """Return the model as it is, after checking it against workflow/schemas/model.yaml and itself.

    Parameters
    ----------
    model
        What a JSON file held.
    name
        What messages call it.

    Returns
    -------
    FrozenModel
        `model`.

    Raises
    ------
    StudyError
        Listing what does not fit the schema, or what contradicts the rest of the model; or saying
        that the schema's version is another.
    """
    if not isinstance(model, dict):
        raise StudyError(
            f"{name}: {shown(model)} is no frozen model; expected what the study wrote, an object "
            "with the key schema"
        )
    if model.get("schema") != SCHEMA_VERSION:
        raise StudyError(
            f"{name}: written for version {model.get('schema')} of the model schema, this "
            f"MicroCalc reads version {SCHEMA_VERSION}; fit the model again"
        )
    errors = jsonschema.Draft202012Validator(_schema()).iter_errors(model)
    problems = sorted(
        f"{'.'.join(map(str, error.absolute_path)) or 'top'}: {error.message}" for error in errors
    )
    if problems:
        raise StudyError.listing(
            f"{name}: not a frozen model as workflow/schemas/model.yaml says", problems
        )
    problems = list(_contradictions(model))
    if problems:
        raise StudyError.listing(f"{name}: contradicts itself, so that it was changed", problems)
    return model


def _contradictions(model: FrozenModel) -> Iterator[str]:
    """Yield what of a model does not fit to the rest of it, which no schema can say."""
    scores, terms = model["scores"], model["terms"]
    taken = [score_of(term["variable"]) for term in terms if term["kind"] == "score"]
    given = [score["name"] for score in scores]
    yield from _twice("terms", "variable", [term["variable"] for term in terms])
    yield from _twice("scores", "name", given)
    for term in terms:
        if term["kind"] == "score" and term["variable"] not in map(score_column, given):
            yield f"terms: {term['variable']!r} is of kind score, and scores has none of that name"
        yield from _of_term(term)
    for score in scores:
        place = f"scores.{score['name']}"
        if score["name"] not in taken:
            yield f"{place}: no term of kind score takes it"
        if not score["tables"]:
            yield f"{place}.tables: is empty; expected what its features are columns of"
        for table in score["tables"]:
            if table not in model["tables"]:
                yield f"{place}.tables: {table!r} is not in tables"
        yield from _twice(f"{place}.tables", "table", score["tables"])
        yield from _twice(f"{place}.features", "name", [own["name"] for own in score["features"]])
    used = {table for score in scores for table in score["tables"]}
    for table in model["tables"]:
        if table not in used:
            yield f"tables.{table}: no score is made of it"
    training = model["training"]
    if not 0 < training["n_positive"] < training["n"]:
        yield (
            f"training: {training['n_positive']} of {training['n']} cases are positive; expected "
            "some of either class"
        )


def _of_term(term: ModelTerm) -> Iterator[str]:
    place = f"terms.{term['variable']}"
    if term["kind"] == "categorical":
        levels = (term["reference"], *term["coefficients"])
        if term["reference"] in term["coefficients"]:
            yield f"{place}.coefficients: has the reference {term['reference']!r} among them"
        if term["if_missing"] not in levels:
            yield f"{place}.if_missing: {term['if_missing']!r} is none of its levels"
    elif isinstance(term.get("if_missing"), str):
        yield f"{place}.if_missing: {term['if_missing']!r} is no number"
    if "spline" in term:
        knots, coefficients = term["spline"]["knots"], term["spline"]["coefficients"]
        if sorted(set(knots)) != knots:
            yield f"{place}.spline.knots: expected numbers that rise"
        if len(coefficients) != len(knots) - 2:
            yield (
                f"{place}.spline: {len(coefficients)} coefficients of {len(knots)} knots; expected "
                f"{len(knots) - 2}"
            )


def _twice(place: str, key: str, names: Iterable[str]) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f"{place}: {times} have the {key} {name!r}"


def read(path: str | os.PathLike[str]) -> FrozenModel:
    """Return the frozen model of a file.

    Parameters
    ----------
    path
        A JSON file, such as `models/combined.json`.

    Returns
    -------
    FrozenModel
        As `check` lets it pass.

    Raises
    ------
    StudyError
        When it is no JSON, or no frozen model of this version, or contradicts itself.
    """
    return check(read_json(path), os.path.basename(path))


@cache
def _schema() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    return loaded
