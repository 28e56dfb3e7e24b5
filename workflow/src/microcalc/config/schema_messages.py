"""What a config breaks of its schema, in sentences for whoever wrote the config."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import jsonschema

from microcalc.core.errors import did_you_mean, shown

Schema = Mapping[str, Any]

MOST_CHOICES = 12
"""More are not listed where one of them is near."""

KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list in brackets, [one, two]",
    "object": "a section of keys",
    "null": "null",
}
BOUNDS = {
    "minimum": "too small; expected at least",
    "exclusiveMinimum": "too small; expected more than",
    "maximum": "too large; expected at most",
    "exclusiveMaximum": "too large; expected less than",
    "minItems": "too short; expected at least so many entries:",
    "maxItems": "too long; expected at most so many entries:",
    "minProperties": "too short; expected at least so many entries:",
}


def lines(error: jsonschema.ValidationError, schema: Schema) -> Iterator[str]:
    """Yield what is wrong, each problem beginning with the key's place.

    What is allowed there follows, with the nearest valid name, and on a line of its own what the
    schema says the key is for.

    Parameters
    ----------
    error
        One violation of the schema of a config.
    schema
        That whole schema.
    """
    keys = list(error.absolute_path)
    place = _place(keys)
    expected: Any = error.validator_value
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])  # type: ignore[index]
        for name in error.instance:  # type: ignore[union-attr]
            if name not in known:
                yield f"{join(place, name)}: no such key{_instead(name, known, schema)}"
    elif error.validator == "required":
        for name in expected:
            if name not in error.instance:  # type: ignore[operator]
                yield f"{join(place, name)}: is missing{_purpose(schema, [*keys, name])}"
    elif "propertyNames" in error.absolute_schema_path:
        names: Any = error.schema
        wrong = _choice(error.instance, names["enum"]) if "enum" in names else "cannot be a name"
        yield f"{join(place, error.instance)}: {wrong}; expected {names['description']}"
    elif error.validator == "oneOf":
        yield from _of_neither(error, schema, place)
    else:
        yield f"{place}: {_sentence(error)}{_purpose(schema, keys)}"


def join(place: str, name: object) -> str:
    """Return the place of a key inside a section."""
    return f"{place}.{name}" if place else str(name)


def kind_problem(value: object, kinds: Iterable[str]) -> str:
    """Return how a value of another type than those allowed comes about, and what is expected."""
    allowed = list(kinds)
    expected = " or ".join(KINDS[kind] for kind in allowed)
    if value is None:
        return f"is empty; expected {expected}"
    found = f"{shown(value)} is not {expected}"
    if "string" in allowed and isinstance(value, bool):
        return f'{found}; a bare yes, no, on or off is true or false in YAML: write "yes" or "no"'
    if "string" in allowed and not isinstance(value, list | Mapping):
        return f'{found}; put it in quotes: "{value}"'
    if isinstance(value, str) and {"integer", "number"} & set(allowed):
        with suppress(ValueError):
            return f"{found}; write {float(value.replace(',', '.')):g}, without quotes"
    return found


def _place(keys: Iterable[object]) -> str:
    place = ""
    for key in keys:
        place = f"{place}, entry {key + 1}" if isinstance(key, int) else join(place, key)
    return place


def _sentence(error: jsonschema.ValidationError) -> str:
    found = shown(error.instance)
    expected: Any = error.validator_value
    kind = error.validator
    if kind == "type":
        return kind_problem(error.instance, [expected] if isinstance(expected, str) else expected)
    if kind == "enum":
        return _choice(error.instance, expected)
    if kind == "const":
        return f"{found} does not go with the rest of this entry; expected {expected}"
    if kind == "pattern":
        return f"{found} is not allowed here"
    if kind == "uniqueItems":
        return f"{found} holds an entry twice"
    return f"{found} is {BOUNDS[str(kind)]} {expected}"


def _choice(value: object, choices: Iterable[object]) -> str:
    names = [str(choice) for choice in choices]
    near = did_you_mean(value, names)
    if len(names) > MOST_CHOICES and near:
        return f"{shown(value)} is none of the {len(names)} there are{near}"
    return f"{shown(value)} is not one of {', '.join(names)}{near}"


def _instead(name: object, known: list[str], schema: Schema) -> str:
    """Return the nearest key beside this one, else where its like belongs, else what there is."""
    near = did_you_mean(name, known)
    if near:
        return near
    elsewhere = [path for path in _paths(schema) if path.rpartition(".")[2] == name]
    if elsewhere:
        return f" (did you mean {elsewhere[0]!r}?)"
    return f"; there are {', '.join(known)}"


def _paths(schema: Schema, place: str = "") -> Iterator[str]:
    for name, part in schema.get("properties", {}).items():
        yield join(place, name)
        yield from _paths(part, join(place, name))


def _of_neither(error: jsonschema.ValidationError, schema: Schema, place: str) -> Iterator[str]:
    """Yield what is wrong with a value that may be of one form or of another."""
    forms: Any = error.validator_value
    deeper = [
        inner
        for inner in error.context or []
        if inner.relative_path or inner.validator not in ("type", "enum")
    ]
    for inner in deeper:
        yield from lines(inner, schema)
    if not deeper:
        kinds = [form["type"] for form in forms if "type" in form]
        words = [word for form in forms for word in form.get("enum", [])]
        expected = " or ".join([*words, *(KINDS[kind] for kind in kinds)])
        near = did_you_mean(error.instance, words)
        keys = list(error.absolute_path)
        yield (f"{place}: {shown(error.instance)} is not {expected}{near}{_purpose(schema, keys)}")


def _purpose(schema: Schema, keys: Iterable[object]) -> str:
    """Return what the schema says of a key, or of the nearest key around it, on a new line."""
    part, text = schema, ""
    for key in keys:
        inner = part.get("items") if isinstance(key, int) else part.get("properties", {}).get(key)
        part = inner or part.get("additionalProperties") or {}
        text = " ".join(str(part.get("description", text)).split())
    return f"\n      {text}" if text else ""
