"""Frozen models as JSON files: what they hold, reading, and checking against their schema.

The types are those of workflow/schemas/model.yaml, which describes every key.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import jsonschema
import yaml

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
    """Return the model as it is, after checking it against workflow/schemas/model.yaml.

    Raises
    ------
    StudyError
        Listing what does not fit, or saying that the schema's version is another.
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
    problems = [
        f"{'.'.join(map(str, error.absolute_path)) or 'top'}: {error.message}" for error in errors
    ]
    if problems:
        raise StudyError.listing(
            f"{name}: not a frozen model as workflow/schemas/model.yaml says", sorted(problems)
        )
    return model


def read(path: str | os.PathLike[str]) -> FrozenModel:
    """Return the frozen model of a file, checked."""
    return check(read_json(path), os.path.basename(path))


@cache
def _schema() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    return loaded
