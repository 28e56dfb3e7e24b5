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
    ],
)
def test_a_broken_model_is_explained(change: dict, message: str, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(MODEL | change))
    with pytest.raises(StudyError, match=message) as raised:
        frozen.read(tmp_path / "m.json")
    assert "m.json" in str(raised.value)
    assert str(tmp_path) not in str(raised.value)
