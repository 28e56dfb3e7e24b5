import json
from pathlib import Path
from typing import Any, get_args, get_type_hints, is_typeddict

import jsonschema
import pytest
import yaml

from microcalc.core.errors import StudyError
from microcalc.models import frozen

MODEL = {
    "schema": 2,
    "name": "clinical",
    "labels": {"negative": "DCIS", "positive": "IDC"},
    "method": "logistic regression, maximum likelihood",
    "intercept": -1.5,
    "terms": [
        {"variable": "age", "kind": "continuous", "coefficient": 0.02, "if_missing": 54.0},
        {
            "variable": "palpable",
            "kind": "categorical",
            "reference": "no",
            "coefficients": {"yes": 0.7},
            "if_missing": "no",
        },
    ],
    "scores": [],
    "tables": {},
    "threshold": 0.5,
    "threshold_rule": {
        "rule": "youden",
        "scores": "out_of_fold",
        "sensitivity": 0.7,
        "specificity": 0.7,
    },
    "notes": [],
    "training": {"n": 100, "n_positive": 60, "digest": "0" * 64},
    "settings_digest": "0" * 64,
    "versions": {"microcalc": "0.1.0"},
}

FEATURE = {"name": "deep_0001", "mean": 0.0, "sd": 1.0, "coefficient": 1.0}
SCORE = {
    **{"name": "deep", "learner": "lasso", "tables": ["deep"]},
    **{"intercept": 0.5, "features": [FEATURE]},
}
TERM = {"variable": "deep_score", "kind": "score", "coefficient": 1.0}
PART = {
    "kind": "network",
    "weights": {"backbone": "resnet18", "source": "random", "digest": "a" * 64},
    "preprocessing": {"images": {}, "features": {}, "digest": "b" * 64},
}
AGE, PALPABLE = MODEL["terms"]
SCORED = MODEL | {
    **{"name": "combined", "terms": [AGE, PALPABLE, TERM]},
    **{"scores": [SCORE], "tables": {"deep": PART}},
}


def test_the_schema_is_a_schema_and_describes_every_key() -> None:
    schema = yaml.safe_load(frozen.SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert all("description" in part for name, part in schema["properties"].items())


def alike(kind: Any, schema: dict[str, Any], place: str) -> int:
    """Hold a type against its part of the schema; return how many keys were held."""
    for part in get_args(kind):
        kind = part if is_typeddict(part) else kind
    if not is_typeddict(kind):
        return 0
    each = schema.get("additionalProperties")
    schema = each if isinstance(each, dict) else schema.get("items", schema)
    assert kind.__annotations__.keys() == schema["properties"].keys(), place
    assert kind.__required_keys__ == set(schema["required"]), place
    own = get_type_hints(kind)
    inside = (alike(own[name], part, name) for name, part in schema["properties"].items())
    return len(own) + sum(inside)


def test_the_types_are_those_of_the_schema() -> None:
    schema = yaml.safe_load(frozen.SCHEMA.read_text())
    assert alike(frozen.FrozenModel, schema, "model") > 40


def test_a_model_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "clinical.json").write_text(json.dumps(MODEL))
    assert frozen.read(tmp_path / "clinical.json") == MODEL


@pytest.mark.parametrize("text", ["[]", "null", "3", '"text"', "[[]]"])
def test_what_is_no_object_is_no_model(text: str, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(StudyError, match=r"m\.json: .* is no frozen model"):
        frozen.read(tmp_path / "m.json")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1e999"])
def test_a_number_that_is_none_is_refused_wherever_it_stands(number: str, tmp_path: Path) -> None:
    text = json.dumps(MODEL)
    for at in (f'"threshold": {MODEL["threshold"]}', f'"intercept": {MODEL["intercept"]}'):
        assert at in text
        (tmp_path / "m.json").write_text(text.replace(at, f"{at.split(':')[0]}: {number}"))
        with pytest.raises(StudyError, match=r"m\.json: damaged, .*no finite number"):
            frozen.read(tmp_path / "m.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": "high"}, "threshold: 'high' is not of type 'number'"),
        ({"pickle": 1}, "'pickle' was unexpected"),
        ({"terms": [{"variable": "age", "kind": "continuous"}]}, "'coefficient' is a required"),
        ({"schema": 99}, "version 99 of the model schema"),
        ({"schema": 1}, "version 1 of the model schema, this MicroCalc reads version 2; fit the"),
        ({"deep": None}, "'deep' was unexpected"),
    ],
)
def test_a_broken_model_is_explained(change: dict, message: str, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(MODEL | change))
    with pytest.raises(StudyError, match=message) as raised:
        frozen.read(tmp_path / "m.json")
    assert "m.json" in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


def bent(**spline: list[float]) -> dict[str, Any]:
    return {"terms": [{**AGE, "spline": {"knots": [1, 2, 3], "coefficients": [0.1]} | spline}]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"scores": [], "tables": {}},
            "terms: 'deep_score' is of kind score, and scores has none of that name",
        ),
        (
            {"terms": [AGE, {**TERM, "variable": "deep"}]},
            "terms: 'deep' is of kind score, and scores has none of that name",
        ),
        ({"terms": [AGE, PALPABLE]}, "scores.deep: no term of kind score takes it"),
        ({"terms": [AGE, AGE, TERM]}, "terms: 2 have the variable 'age'"),
        ({"terms": [AGE, TERM, TERM]}, "terms: 2 have the variable 'deep_score'"),
        ({"scores": [SCORE, SCORE]}, "scores: 2 have the name 'deep'"),
        ({"tables": {}}, "scores.deep.tables: 'deep' is not in tables"),
        (
            {"scores": [{**SCORE, "tables": []}], "tables": {}},
            "scores.deep.tables: is empty; expected what its features are columns of",
        ),
        (
            {"scores": [{**SCORE, "tables": ["deep", "deep"]}]},
            "scores.deep.tables: 2 have the table 'deep'",
        ),
        (
            {"tables": {"deep": PART, "around": PART}},
            "tables.around: no score is made of it",
        ),
        (
            {"scores": [{**SCORE, "features": [FEATURE, FEATURE]}]},
            "scores.deep.features: 2 have the name 'deep_0001'",
        ),
        (
            {"terms": [AGE, {**PALPABLE, "if_missing": "maybe"}, TERM]},
            "terms.palpable.if_missing: 'maybe' is none of its levels",
        ),
        (
            {"terms": [AGE, {**PALPABLE, "coefficients": {"no": 0.1, "yes": 0.7}}, TERM]},
            "terms.palpable.coefficients: has the reference 'no' among them",
        ),
        (
            {"terms": [{**AGE, "if_missing": "old"}, TERM]},
            "terms.age.if_missing: 'old' is no number",
        ),
        (
            bent(coefficients=[0.1, 0.2]) | {"scores": [], "tables": {}},
            "terms.age.spline: 2 coefficients of 3 knots; expected 1",
        ),
        (
            bent(knots=[1, 3, 2]) | {"scores": [], "tables": {}},
            "terms.age.spline.knots: expected numbers that rise",
        ),
        (
            {"training": {"n": 10, "n_positive": 10, "digest": ""}},
            "training: 10 of 10 cases are positive; expected some of either class",
        ),
    ],
)
def test_a_model_that_contradicts_itself_is_refused(
    change: dict, message: str, tmp_path: Path
) -> None:
    (tmp_path / "m.json").write_text(json.dumps(SCORED))
    assert frozen.read(tmp_path / "m.json") == SCORED
    (tmp_path / "m.json").write_text(json.dumps(SCORED | change))
    with pytest.raises(StudyError) as raised:
        frozen.read(tmp_path / "m.json")
    first, *problems = str(raised.value).splitlines()
    assert first == "m.json: contradicts itself, so that it was changed"
    assert problems == [f"  - {message}"]


def test_every_contradiction_is_listed() -> None:
    with pytest.raises(StudyError) as raised:
        frozen.check(SCORED | {"scores": [], "terms": [AGE, AGE, TERM]})
    assert len(str(raised.value).splitlines()) == 1 + 3
