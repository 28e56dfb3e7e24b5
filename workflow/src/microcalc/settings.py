"""The study's config: checked against its schema, with the schema's defaults filled in."""

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from microcalc.errors import StudyError, did_you_mean

Schema = Mapping[str, Any]

TUNED = ("finetuned", "finetuned_lasso")
"""Names by which a model's `network` asks for what features.finetune trains."""

UNUSABLE = (
    "The config cannot be used as it is (every key is described in workflow/schemas/config.yaml)"
)


def read_schema(path: str | Path) -> dict[str, Any]:
    """Return a JSON Schema that is written as YAML."""
    loaded = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    if not isinstance(loaded, dict):
        raise StudyError(f"{path}: not a schema; expected a YAML mapping")
    return loaded


def complete(config: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Return the config with every default filled in.

    Parameters
    ----------
    config
        What the user wrote.
    schema
        JSON Schema of the whole config; a nested default is filled when its parent has one.

    Raises
    ------
    StudyError
        Listing every key that is unknown, missing, of the wrong type or out of range, with
        the nearest valid name.
    """
    completed = filled(config, schema)
    found = problems(completed, schema)
    if found:
        raise StudyError.listing(UNUSABLE, found)
    return completed


def filled(config: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Return the config with every default filled in, whatever else is wrong with it."""
    completed: dict[str, Any] = copy.deepcopy(dict(config))
    _fill(completed, schema)
    return completed


def problems(completed: Mapping[str, Any], schema: Schema) -> list[str]:
    """Return a line for all that is wrong with a filled config, beginning with the key's place."""
    errors = jsonschema.Draft202012Validator(schema).iter_errors(completed)
    found = [line for error in sorted(errors, key=_place) for line in _explain(error)]
    return found or _contradictions(completed)


def _fill(value: Any, schema: Schema) -> None:
    if not isinstance(value, dict):
        return
    for name, part in schema.get("properties", {}).items():
        if "default" in part and name not in value:
            value[name] = copy.deepcopy(part["default"])
        if name in value:
            _fill(value[name], part)
    every = schema.get("additionalProperties")
    if isinstance(every, Mapping):
        for name in value.keys() - schema.get("properties", {}).keys():
            _fill(value[name], every)


def _place(error: jsonschema.ValidationError) -> list[str]:
    return [str(part) for part in error.absolute_path]


def _explain(error: jsonschema.ValidationError) -> Iterable[str]:
    place = ".".join(_place(error))
    schema: Any = error.schema
    expected: Any = error.validator_value
    known = list(schema.get("properties", {}))
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        unknown = [name for name in error.instance if name not in known]
        return [f"{_join(place, name)}: no such key{did_you_mean(name, known)}" for name in unknown]
    if error.validator == "required" and isinstance(error.instance, Mapping):
        absent = [name for name in expected if name not in error.instance]
        return [
            f"{_join(place, name)}: is missing; {_description(schema, name)}" for name in absent
        ]
    if error.validator == "enum":
        choices = ", ".join(map(str, expected))
        hint = did_you_mean(str(error.instance), list(map(str, expected)))
        return [f"{place}: {error.instance!r} is not one of {choices}{hint}"]
    return [f"{place}: {error.message}"]


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else str(name)


def _description(schema: Schema, name: str) -> str:
    part = schema.get("properties", {}).get(name, {})
    return " ".join(str(part.get("description", "it has no default")).split())


def _contradictions(config: Mapping[str, Any]) -> list[str]:
    labels, models = config["labels"], config["models"]
    problems = [
        *_model_contradictions(config),
        *_engine_contradictions(config),
        *_reader_contradictions(config),
    ]
    if labels["negative"] == labels["positive"]:
        problems.append("labels: negative and positive are the same label")
    measured = config["evaluation"]
    for pair in measured["comparisons"]:
        problems += [
            f"evaluation.comparisons: {name!r} is no model{did_you_mean(name, list(models))}"
            for name in pair
            if name not in models
        ]
    if measured["net_benefit"]["low"] > measured["net_benefit"]["high"]:
        problems.append("evaluation.net_benefit: low is above high")
    return problems


def _engine_contradictions(config: Mapping[str, Any]) -> list[str]:
    mrmr = config["selection"]["mrmr"]
    if mrmr["engine"] != "pymrmr" or mrmr["scheme"] in ("MIQ", "MID"):
        return []
    return [
        f"selection.mrmr: the engine pymrmr has no scheme {mrmr['scheme']!r}; choose MIQ or MID, "
        "or the engine native"
    ]


def _reader_contradictions(config: Mapping[str, Any]) -> list[str]:
    own, others = config["images"]["reader"], config["features"]["stability"]["readers"]
    if others and own is None:
        return ["features.stability.readers: images.reader must name whose regions they repeat"]
    if own in others:
        return [f"features.stability.readers: {own!r} is images.reader; name others"]
    return []


def _model_contradictions(config: Mapping[str, Any]) -> list[str]:
    clinical, screening, models = config["clinical"], config["screening"], config["models"]
    problems = [
        f"{place}: {name!r} is no clinical variable{did_you_mean(name, list(clinical))}"
        for place, names in _named_variables(config)
        for name in names
        if name not in clinical
    ]
    problems += [
        f"clinical.{name}.knots: only a continuous variable can be a spline"
        for name, entry in clinical.items()
        if "knots" in entry and entry["kind"] != "continuous"
    ]
    tuned = TUNED if config["features"]["finetune"] else ()
    if tuned and not any(spec["network"] in tuned for spec in models.values()):
        problems.append(
            "features.finetune: is on, but no row of models takes it; add one such as "
            "deep_finetuned: {clinical: none, deep: score, network: finetuned}"
        )
    if tuned and config["features"]["harmonize"] != "none":
        problems.append(
            "features.harmonize: must be none with features.finetune, whose networks were not "
            "trained on harmonized features"
        )
    known = ["main", *config["features"]["further_networks"], *tuned]
    for name, spec in models.items():
        network = spec["network"]
        if network not in known:
            problems.append(
                f"models.{name}.network: {network!r} is not in features.further_networks"
                f"{did_you_mean(network, known)}"
                + ("; set features.finetune" if network in TUNED else "")
            )
        elif network == "finetuned" and spec["deep"] == "features":
            problems.append(f"models.{name}.deep: network finetuned has a score and no features")
        elif network != "main" and spec["deep"] == "none":
            problems.append(f"models.{name}.network: the model takes no deep features (deep: none)")
        column = spec.get("column")
        if column is not None and spec["kind"] != "external_score":
            problems.append(f"models.{name}.column: belongs to kind external_score alone")
        elif column in clinical and clinical[column]["candidate"]:
            problems.append(
                f"clinical.{column}.candidate: must be false, since {column} is the external score "
                f"of the model {name}; the screening would choose it too"
            )
    if screening["method"] == "fixed" and not screening["variables"]:
        problems.append("screening.variables: method fixed needs the predictors named")
    return problems


def _named_variables(config: Mapping[str, Any]) -> Iterable[tuple[str, list[str]]]:
    """Yield the places of the config that name clinical variables, with what they name."""
    yield "screening.variables", config["screening"]["variables"]
    for name, spec in config["models"].items():
        yield f"models.{name}.without", spec.get("without", [])
        yield f"models.{name}.column", [spec["column"]] if "column" in spec else []
        wanted = spec.get("clinical", "none")
        yield f"models.{name}.clinical", [] if isinstance(wanted, str) else wanted
