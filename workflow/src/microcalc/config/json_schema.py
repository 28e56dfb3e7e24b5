"""The JSON Schema of a config, made of the models of its sections.

Messages and documentation are made of it; nothing is validated by it.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from microcalc.config.section import Section
from microcalc.config.study_config import StudyConfig

Schema = dict[str, Any]

TAG = "kind"
"""The key that says which of several forms a section has."""

AS = "x-as"
"""What names the section whose keys a key has, and whose values it takes where it has none."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
OF_ENTRIES = {"minLength": "minItems", "maxLength": "maxItems"}


@cache
def of_config() -> Schema:
    """Return the JSON Schema of a whole config, without references, every key described.

    Raises
    ------
    TypeError
        When a key has no docstring below it: an error of ours.
    """
    made = StudyConfig.model_json_schema()
    inlined = _inlined(made, made["$defs"] | {"StudyConfig": made})
    inlined.pop("$defs", None)
    return {"$schema": DIALECT, "title": "The config of a study", **inlined}


def branches(node: Mapping[str, Any]) -> list[Schema]:
    """Return the forms that a value may have: one, unless it may be of one kind or another."""
    return list(node.get("anyOf", [node]))


def tagged(node: Mapping[str, Any]) -> dict[str, Schema]:
    """Return the forms that a section may have, each by the tag that tells it; {} where it has one.

    The tag is the value of the section's key `kind`.
    """
    forms = branches(node)
    tags = [form.get("properties", {}).get(TAG, {}).get("enum", []) for form in forms]
    if len(forms) < 2 or any(len(tag) != 1 for tag in tags):
        return {}
    return {tag: form for (tag,), form in zip(tags, forms, strict=True)}


def inner(node: Mapping[str, Any], key: object) -> Schema:
    """Return the schema of what stands inside a value; {} where there is none.

    Parameters
    ----------
    node
        The value's schema.
    key
        A key or a name of the user's own; a number stands for any entry of a list.

    Examples
    --------
    >>> from microcalc.config import json_schema
    >>> node = {"properties": {"folds": {"type": "integer"}}, "items": {"type": "string"}}
    >>> json_schema.inner(node, "folds"), json_schema.inner(node, 0), json_schema.inner(node, "x")
    ({'type': 'integer'}, {'type': 'string'}, {})
    """
    for form in branches(node):
        if isinstance(key, int):
            found = form.get("items")
        else:
            found = form.get("properties", {}).get(key) or next(rows(form), None)
        if found:
            return dict(found)
    return {}


def rows(form: Mapping[str, Any]) -> Iterator[Schema]:
    """Yield the schemas of what stands under names of the user's own."""
    named = (form.get("additionalProperties"), *form.get("patternProperties", {}).values())
    yield from (dict(row) for row in named if isinstance(row, Mapping))


def is_section(node: Mapping[str, Any]) -> bool:
    """Return whether a value is a section of keys or of the user's own names."""
    return any(
        {"properties", "additionalProperties", "patternProperties"} & form.keys()
        for form in branches(node)
    )


def kinds(node: Mapping[str, Any]) -> list[str]:
    """Return JSON Schema's names of the types that a value may have, in any of its forms.

    Examples
    --------
    >>> from microcalc.config import json_schema
    >>> json_schema.kinds({"anyOf": [{"type": "integer"}, {"type": ["string", "null"]}]})
    ['integer', 'string', 'null']
    """
    found = [form.get("type", []) for form in branches(node)]
    names = [name for kind in found for name in ([kind] if isinstance(kind, str) else kind)]
    return list(dict.fromkeys(names))


def _inlined(node: Any, sections: Mapping[str, Schema]) -> Any:
    """Return a part of pydantic's schema with its references resolved, in plain forms."""
    if isinstance(node, list):
        return [_inlined(entry, sections) for entry in node]
    if not isinstance(node, Mapping):
        return node
    name = str(node.get("$ref", "")).rpartition("/")[2]
    whole = {**sections.get(name, {}), **node}
    described = _descriptions().get(name or whole.get("title", ""), {})
    made = {
        key: _properties(value, described, sections)
        if key == "properties"
        else value
        if key in ("default", "enum", "$defs")
        else _inlined(value, sections)
        for key, value in whole.items()
        if key not in ("$ref", "title")
    }
    return _plain(made)


def _properties(
    fields: Mapping[str, Any], described: Mapping[str, str], sections: Mapping[str, Schema]
) -> Schema:
    undescribed = [name for name in fields if not described.get(name)]
    if undescribed:
        raise TypeError(f"no docstring below {', '.join(undescribed)}: it is the key's description")
    return {
        name: _inlined({**field, "description": described[name]}, sections)
        for name, field in fields.items()
    }


def _plain(node: Schema) -> Schema:
    """Return a node with one way to write what pydantic writes in several."""
    if "oneOf" in node:
        node["anyOf"] = node.pop("oneOf")
        node.pop("discriminator")
    if AS in node:
        node = _without_defaults(node)
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if "enum" in node:
        node.pop("type", None)
    if node.get("type") == "array":
        node = {OF_ENTRIES.get(key, key): value for key, value in node.items()}
    forms = node.get("anyOf", [])
    types = [form["type"] for form in forms if "type" in form]
    if forms and len(types) == len(forms) and len(set(types)) == len(types):
        merged = {key: value for form in forms for key, value in form.items()}
        node = {**merged, "type": types, **{k: v for k, v in node.items() if k != "anyOf"}}
    if node.get("default", ...) is None and "null" not in kinds(node):
        del node["default"]
    return node


def _without_defaults(node: Any) -> Any:
    """Return a part of a schema without defaults, since its keys take another section's values."""
    if isinstance(node, list):
        return [_without_defaults(entry) for entry in node]
    if not isinstance(node, Mapping):
        return node
    return {key: _without_defaults(value) for key, value in node.items() if key != "default"}


@cache
def _descriptions() -> dict[str, dict[str, str]]:
    """Return by class what the docstrings of its fields say."""
    waiting: list[type[Section]] = [Section]
    found: dict[str, dict[str, str]] = {}
    for section in waiting:
        waiting += section.__subclasses__()
        own = [base for base in reversed(section.mro()) if issubclass(base, Section)]
        found[section.__name__] = dict(pair for base in own for pair in _docstrings(base))
    return found


def _docstrings(section: type[Section]) -> Iterator[tuple[str, str]]:
    """Yield the fields of a class, each with the docstring that stands below it."""
    (definition,) = ast.parse(inspect.getsource(section)).body
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            text = below.value if isinstance(below, ast.Expr) else None
            said = text.value if isinstance(text, ast.Constant) else ""
            yield field.target.id, " ".join(str(said).split())
