"""The study's config: checked against its schema, with the schema's defaults filled in."""

import copy
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from microcalc.config import cross_field_checks, schema_messages
from microcalc.core.errors import StudyError, shown

Schema = Mapping[str, Any]

UNUSABLE = (
    "The config cannot be used as it is (every key is described in workflow/schemas/config.yaml)"
)


def read_schema(path: str | Path) -> dict[str, Any]:
    """Return a JSON Schema that is written as YAML."""
    # every plan and every job on a cluster reads it: in Python alone it takes ten times as long
    loaded = yaml.CSafeLoader(Path(path).read_text(encoding="utf-8")).get_single_data()
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
        Listing every key that is unknown, missing, of the wrong type or out of range, with the
        nearest valid name, and all that contradicts something else.
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
    """Return what is wrong with a filled config, each problem beginning with the key's place."""
    unwritten = list(_no_text(completed))
    if unwritten:
        return unwritten
    errors = sorted(_Validator(schema).iter_errors(completed), key=_order)
    found = [line for error in errors for line in schema_messages.lines(error, schema)]
    return found or cross_field_checks.found(completed)


def refuse_repeated_keys(path: str | Path) -> None:
    """Raise a StudyError for keys that stand twice in a section of a YAML file.

    YAML's readers silently keep the last of them.
    """
    try:
        root = yaml.compose(Path(path).read_text(encoding="utf-8"), yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        # Snakemake has said so already, or the file is JSON with tabs.
        return
    found = list(_repeated(root, "")) if root else []
    if found:
        raise StudyError.listing(
            f"{path}: keys that stand twice, of which one would be lost", found
        )


def _repeated(node: yaml.Node, place: str) -> Iterator[str]:
    if isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield from _repeated(entry, place)
    if not isinstance(node, yaml.MappingNode):
        return
    first: dict[str, int] = {}
    for key, value in node.value:
        inner, line = schema_messages.join(place, key.value), key.start_mark.line + 1
        if first.setdefault(str(key.value), line) != line:
            yield f"{inner}: stands on line {line} and on line {first[str(key.value)]}; keep one"
        yield from _repeated(value, inner)


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


def _no_text(value: Any, place: str = "") -> Iterator[str]:
    """Yield what no schema speaks of: keys that are no text, and text that cannot be shown."""
    if isinstance(value, str) and not value.replace("\n", "").isprintable():
        yield f"{place}: {shown(value)} holds a character that cannot be shown; remove it"
    for key, part in value.items() if isinstance(value, Mapping) else ():
        inner = schema_messages.join(place, key)
        yield from _no_text(part, inner)
        if not isinstance(key, str):
            yield f"{inner}: the key {schema_messages.kind_problem(key, ['string'])}"
    for i, entry in enumerate(value if isinstance(value, list) else ()):
        yield from _no_text(entry, f"{place}, entry {i + 1}")


def _order(error: jsonschema.ValidationError) -> list[str]:
    return [str(part) for part in error.absolute_path]


def _is_whole(_checker: object, value: object) -> bool:
    # A 4.0 would count as whole for JSON Schema, and not for range().
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker: object, value: object) -> bool:
    return _is_whole(checker, value) or (isinstance(value, float) and math.isfinite(value))


_Validator: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_whole, "number": _is_number}
    ),
)
