"""What a config breaks of its models, in sentences for whoever wrote the config."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
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
NOT_ALLOWED = dict.fromkeys(("string_pattern_mismatch", section.NO_NAME), "is not allowed here")
"""What pydantic says in words that do not fit into these sentences."""
OWN_NAME = "<name>"
"""What stands in a place for a name of the user's own."""
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
WRONG_KIND = ("_type", "int_from_float", "finite_number", section.NULL)
"""Ends of the kinds of errors that say a value is of another type."""
NO_TAG, OTHER_TAG = "union_tag_not_found", "union_tag_invalid"
"""Pydantic's words for a section whose key `kind` is missing, or says no form that there is."""


@dataclass(frozen=True)
class Place:
    """Where a fault is.

    Attributes
    ----------
    keys
        The keys that lead there, and the numbers of entries of lists.
    nodes
        What the config's schema says of each part on the way, the whole config first; of a section
        of several forms, the form that its `kind` names.
    is_of_a_form
        Whether the fault is what one form of a value that may be one thing or another complains of.
    """

    keys: Keys
    nodes: tuple[Node, ...]
    is_of_a_form: bool = False

    @property
    def node(self) -> Node:
        """What the schema says of the place itself; {} where it knows none."""
        return self.nodes[-1]

    def inside(self, key: str | int) -> "Place":
        """Return the place of a key, or an entry, inside this one."""
        return Place((*self.keys, key), (*self.nodes, json_schema.inner(self.node, key)))

    def of_form(self, form: Node) -> "Place":
        """Return the place with what its own form says of it."""
        return Place(self.keys, (*self.nodes[:-1], form))

    def __str__(self) -> str:
        """Return the place as a message begins with it."""
        text = ""
        for key in self.keys:
            text = f"{text}, entry {key + 1}" if isinstance(key, int) else join(text, key)
        return text


def lines(error: ValidationError) -> list[str]:
    """Return what is wrong, each problem beginning with the key's place.

    What is allowed there follows, with the nearest valid name, and on a line of its own what the
    key is for.

    Parameters
    ----------
    error
        What pydantic says of a whole config.
    """
    found: dict[Keys, list[tuple[Place, Fault]]] = {}
    for fault in error.errors(include_url=False):
        place = _place(fault["loc"])
        found.setdefault(place.keys, []).append((place, dict(fault)))
    # Of a value that may be one thing or another each form complains: the one that came further.
    first = {
        keys: met
        for keys, met in found.items()
        if not (
            len(met) == 1
            and met[0][0].is_of_a_form
            and any(other[: len(keys)] == keys for other in found if other != keys)
        )
    }
    return [
        _line(first[keys][0][0], [fault for _, fault in first[keys]])
        for keys in sorted(first, key=_in_order)
    ]


def _in_order(keys: Keys) -> list[str]:
    """Return what sorts places by name, and the entries of a list by number."""
    return [f"{key:09}" if isinstance(key, int) else key for key in keys]


def join(place: str, name: object) -> str:
    """Return the place of a key inside a section; that of a top-level key where `place` is empty.

    Examples
    --------
    >>> from microcalc.config import schema_messages
    >>> schema_messages.join("features", "deep"), schema_messages.join("", "study")
    ('features.deep', 'study')
    """
    return f"{place}.{name}" if place else str(name)


def kind_problem(value: object, kinds: Iterable[str]) -> str:
    """Return how a value of another type than those allowed comes about, and what is expected.

    Parameters
    ----------
    value
        What was found; None where the key is empty.
    kinds
        JSON Schema's names of the types that are allowed.

    Examples
    --------
    >>> from microcalc.config import schema_messages
    >>> print(schema_messages.kind_problem("7", ["integer"]))
    '7' is not a whole number; write 7, without quotes
    """
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


def _place(loc: Iterable[str | int]) -> Place:
    """Return the place of a fault without what pydantic calls the form that it tried there."""
    place = Place((), (json_schema.of_config(),))
    is_of_a_form = False
    for part in loc:
        forms = json_schema.tagged(place.node)
        if part == "[key]":
            continue
        if part in forms:
            place = place.of_form(forms[str(part)])
        elif isinstance(part, int) or json_schema.is_section(place.node):
            place = place.inside(part)
        else:
            is_of_a_form = True
    return Place(place.keys, place.nodes, is_of_a_form)


def _line(place: Place, faults: list[Fault]) -> str:
    """Return the sentence on one place, whatever number of faults it has."""
    further = [fault for fault in faults if not _is_wrong_form(fault)]
    fault = (further or faults)[0]
    kind = fault["type"]
    if kind in (NO_TAG, OTHER_TAG):
        return _of_no_kind(place, fault)
    if kind in (section.MISSING_KEY, section.NULL_KEY, section.OTHER_VALUE):
        place = place.inside(fault["ctx"]["key"])
    if kind == "extra_forbidden":
        return f"{place}: no such key{_instead(place)}"
    if fault["loc"][-1] == "[key]":
        return f"{place}: {_no_name(place)}"
    sentence = _sentence(fault, place.node, is_of_no_form=not further)
    return f"{place}: {sentence}{_purpose(place.nodes)}"


def _of_no_kind(place: Place, fault: Fault) -> str:
    """Return the sentence on a section that is of none of the kinds there are."""
    forms = json_schema.tagged(place.node)
    kinds, row = " or ".join(forms), fault["input"]
    purpose = "; ".join(
        json_schema.inner(form, json_schema.TAG)["description"] for form in forms.values()
    )
    if fault["type"] == NO_TAG:
        wrong = f"is missing; expected {kinds}"
    elif row[json_schema.TAG] is None:
        wrong = f"is empty; expected {kinds}"
    else:
        wrong = _choice(row[json_schema.TAG], forms)
    return f"{place.inside(json_schema.TAG)}: {wrong}\n      {purpose}"


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


def _no_name(place: Place) -> str:
    names = place.nodes[-2]["propertyNames"]
    wrong = _choice(place.keys[-1], names["enum"]) if "enum" in names else "cannot be a name"
    return f"{wrong}; expected {names.get('description', 'one of these')}"


def _choices(node: Node) -> list[str]:
    return [str(word) for form in json_schema.branches(node) for word in form.get("enum", [])]


def _choice(value: object, choices: Iterable[object]) -> str:
    names = [str(choice) for choice in choices]
    near = did_you_mean(value, names)
    if len(names) > MOST_CHOICES and near:
        return f"{shown(value)} is none of the {len(names)} there are{near}"
    return f"{shown(value)} is not one of {', '.join(names)}{near}"


def _instead(place: Place) -> str:
    """Return the nearest key beside this one, else where its like belongs, else what there is."""
    name, known = place.keys[-1], list(place.nodes[-2].get("properties", {}))
    near = did_you_mean(name, known)
    if near:
        return near
    kinds = [tag for tag, form in _siblings(place).items() if name in form["properties"]]
    if kinds:
        return f"; rows of kind {' and '.join(kinds)} have it"
    elsewhere = [
        path for path in _paths(json_schema.of_config()) if path.rpartition(".")[2] == name
    ]
    if elsewhere:
        # Rather one near by, and rather one of MicroCalc's sections than one of the user's rows.
        beside = [path for path in elsewhere if path.startswith(f"{place.keys[0]}.")]
        best = min(beside or elsewhere, key=lambda path: path.count(OWN_NAME))
        named = best.replace(OWN_NAME, str(place.keys[1])) if beside else best
        return f" (did you mean {named!r}?)"
    return f"; there are {', '.join(known)}"


def _siblings(place: Place) -> Mapping[str, Node]:
    """Return the forms that the section around a key could have, each by its kind."""
    if len(place.keys) < 2:
        return {}
    return json_schema.tagged(json_schema.inner(place.nodes[-3], place.keys[-2]))


def _paths(schema: Node, place: str = "") -> Iterator[str]:
    for form in json_schema.branches(schema):
        for name, part in form.get("properties", {}).items():
            yield join(place, name)
            yield from _paths(part, join(place, name))
        for row in json_schema.rows(form):
            yield from _paths(row, join(place, OWN_NAME))


def _purpose(nodes: Iterable[Node]) -> str:
    """Return what a key is for, or the nearest key around it, on a new line."""
    said = [str(node["description"]) for node in nodes if "description" in node]
    return f"\n      {said[-1]}" if said else ""
