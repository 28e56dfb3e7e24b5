"""What a config breaks of its models, in sentences for whoever wrote the config."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from microcalc.config import json_schema, section
from microcalc.core.errors import did_you_mean, shown

Keys = tuple[str | int, ...]
Node = Mapping[str, Any]
Fault = Mapping[str, Any]
"""One of pydantic's errors."""

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
    "greater_than_equal": ("minimum", "too small; expected at least"),
    "greater_than": ("exclusiveMinimum", "too small; expected more than"),
    "less_than_equal": ("maximum", "too large; expected at most"),
    "less_than": ("exclusiveMaximum", "too large; expected less than"),
    "too_short": ("minItems", "too short; expected at least so many entries:"),
    "too_long": ("maxItems", "too long; expected at most so many entries:"),
}
NOT_ALLOWED = {"string_pattern_mismatch": "is not allowed here"}
"""What pydantic says in words that do not fit into these sentences."""
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
WRONG_KIND = ("_type", "int_from_float", "finite_number", section.NULL)
"""Ends of the kinds of errors that say a value is of another type."""


def lines(error: ValidationError) -> list[str]:
    """Return what is wrong, each problem beginning with the key's place.

    What is allowed there follows, with the nearest valid name, and on a line of its own what the
    key is for.

    Parameters
    ----------
    error
        What pydantic says of a whole config.
    """
    by_place: dict[Keys, list[Fault]] = {}
    for fault in error.errors(include_url=False):
        by_place.setdefault(_keys(fault["loc"]), []).append(dict(fault))
    # Of a value that may be one thing or another each form complains: the one that came further.
    first = {
        keys: faults
        for keys, faults in by_place.items()
        if not (
            len(faults) == 1
            and _is_union_branch(faults[0])
            and any(other[: len(keys)] == keys for other in by_place if other != keys)
        )
    }
    return [_line(keys, first[keys]) for keys in sorted(first, key=_in_order)]


def _in_order(keys: Keys) -> list[str]:
    """Return what sorts places by name, and the entries of a list by number."""
    return [f"{key:09}" if isinstance(key, int) else key for key in keys]


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
    meant = _number_meant(value, allowed) if isinstance(value, str) else ""
    return f"{found}; write {meant}, without quotes" if meant else found


def _number_meant(text: str, kinds: Iterable[str]) -> str:
    """Return the number in a text as YAML reads one; nothing where it may be another or is none.

    A comma before three digits may be a decimal one or stand between thousands.
    """
    if not {"integer", "number"} & set(kinds) or THOUSANDS.fullmatch(text.strip()):
        return ""
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return ""
    if not math.isfinite(number):
        return ""
    if "number" not in kinds:
        return f"{number:.0f}" if number.is_integer() else ""
    written = f"{number:.15g}"
    # Without a point 1e-07 is text to YAML.
    return written if "." in written else written.replace("e", ".0e")


def _keys(loc: Iterable[str | int]) -> Keys:
    """Return the place of a fault without what pydantic calls the form that it tried there."""
    node: Node = json_schema.of_config()
    keys: list[str | int] = []
    for part in loc:
        if (isinstance(part, int) or json_schema.is_section(node)) and part != "[key]":
            keys.append(part)
            node = json_schema.inner(node, part)
    return tuple(keys)


def _is_union_branch(fault: Fault) -> bool:
    return len(_keys(fault["loc"])) < len(fault["loc"]) and fault["loc"][-1] != "[key]"


def _line(keys: Keys, faults: list[Fault]) -> str:
    """Return the sentence on one place, whatever number of faults it has."""
    further = [fault for fault in faults if not _is_wrong_form(fault)]
    fault = (further or faults)[0]
    kind, place, node = fault["type"], _place(keys), _node(keys)
    if kind in (section.MISSING_KEY, section.NULL_KEY, section.OTHER_VALUE):
        key = fault["ctx"]["key"]
        place, node, keys = join(place, key), json_schema.inner(node, key), (*keys, key)
    if kind == "extra_forbidden":
        return f"{place}: no such key{_instead(keys)}"
    if fault["loc"][-1] == "[key]":
        return f"{place}: {_no_name(keys)}"
    return f"{place}: {_sentence(fault, node, is_of_no_form=not further)}{_purpose(keys)}"


def _is_wrong_form(fault: Fault) -> bool:
    return str(fault["type"]).endswith(WRONG_KIND) or fault["type"] == section.NOT_ONE_OF


def _sentence(fault: Fault, node: Node, *, is_of_no_form: bool) -> str:
    kind, value = str(fault["type"]), fault["input"]
    if kind in ("missing", section.MISSING_KEY):
        return "is missing"
    if kind == section.NULL_KEY:
        return kind_problem(None, [name for name in json_schema.kinds(node) if name != "null"])
    if kind == section.OTHER_VALUE:
        found, expected = fault["ctx"]["found"], fault["ctx"]["expected"]
        return f"{shown(found)} does not go with the rest of this entry; expected {expected}"
    if is_of_no_form and json_schema.kinds(node):
        return (
            _of_neither(value, node)
            if _choices(node)
            else kind_problem(value, json_schema.kinds(node))
        )
    if is_of_no_form:
        return _choice(value, _choices(node))
    if kind in BOUNDS:
        bound, words = BOUNDS[kind]
        limit = node.get(bound, node.get("minProperties"))
        limits = [form[bound] for form in json_schema.branches(node) if bound in form]
        return f"{shown(value)} is {words} {limits[0] if limits else limit}"
    return f"{shown(value)} {NOT_ALLOWED.get(kind, fault['msg'])}"


def _of_neither(value: object, node: Node) -> str:
    words = _choices(node)
    expected = " or ".join([*words, *(KINDS[kind] for kind in json_schema.kinds(node))])
    return f"{shown(value)} is not {expected}{did_you_mean(value, words)}"


def _no_name(keys: Keys) -> str:
    names = _node(keys[:-1])["propertyNames"]
    wrong = _choice(keys[-1], names["enum"]) if "enum" in names else "cannot be a name"
    return f"{wrong}; expected {names.get('description', 'one of these')}"


def _choices(node: Node) -> list[str]:
    return [str(word) for form in json_schema.branches(node) for word in form.get("enum", [])]


def _node(keys: Keys) -> Node:
    node: Node = json_schema.of_config()
    for key in keys:
        node = json_schema.inner(node, key)
    return node


def _place(keys: Keys) -> str:
    place = ""
    for key in keys:
        place = f"{place}, entry {key + 1}" if isinstance(key, int) else join(place, key)
    return place


def _choice(value: object, choices: Iterable[object]) -> str:
    names = [str(choice) for choice in choices]
    near = did_you_mean(value, names)
    if len(names) > MOST_CHOICES and near:
        return f"{shown(value)} is none of the {len(names)} there are{near}"
    return f"{shown(value)} is not one of {', '.join(names)}{near}"


def _instead(keys: Keys) -> str:
    """Return the nearest key beside this one, else where its like belongs, else what there is."""
    name, known = keys[-1], list(_node(keys[:-1]).get("properties", {}))
    near = did_you_mean(name, known)
    if near:
        return near
    elsewhere = [
        path for path in _paths(json_schema.of_config()) if path.rpartition(".")[2] == name
    ]
    if elsewhere:
        return f" (did you mean {elsewhere[0]!r}?)"
    return f"; there are {', '.join(known)}"


def _paths(schema: Node, place: str = "") -> Iterator[str]:
    for name, part in schema.get("properties", {}).items():
        yield join(place, name)
        yield from _paths(part, join(place, name))


def _purpose(keys: Keys) -> str:
    """Return what a key is for, or the nearest key around it, on a new line."""
    node: Node = json_schema.of_config()
    text = ""
    for key in keys:
        node = json_schema.inner(node, key)
        text = str(node.get("description", text))
    return f"\n      {text}" if text else ""
