"""What is written of a config elsewhere: its JSON Schema, and docs/configuration.md.

`make docs` writes both again; `python -m microcalc.config.reference` is what it runs.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from microcalc.config import json_schema
from microcalc.config.feature_settings import FeatureSetSettings
from microcalc.core.files import write_text

Node = Mapping[str, Any]

SCHEMA = Path("workflow/schemas/config.yaml")
PAGE = Path("docs/configuration.md")
WRITTEN_BY = "Written by `make docs` from the models in `workflow/src/microcalc/config`"
INTRODUCTION = f"""\
# Every key of a study's config

{WRITTEN_BY}; edit those.

The config of a study replaces the demo's; it never merges with it. `snakemake check` lists all that
is wrong with one. A key without a default must be written; `<name>` stands for a name of your own.
Editors that know JSON Schema complete and check a config by `workflow/schemas/config.yaml`.
"""
OWN_NAME = "<name>"
FIRST = (
    "study",
    "seed",
    "labels",
    "cohort",
    "simulate",
    "images",
    "features",
    "scores",
    "clinical",
)
"""Sections that stand first, in the order in which a study is set up."""

KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true, false",
    "array": "list",
    "object": "section",
    "null": "null",
}
LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minItems": "{} or more of them",
}
MOST_CHOICES = 30
"""More are told by their number."""


def schema() -> str:
    """Return the JSON Schema of a config as YAML."""
    text = yaml.safe_dump(json_schema.of_config(), sort_keys=False, allow_unicode=True, width=100)
    return f"# {WRITTEN_BY}; edit those.\n{text}"


def page() -> str:
    """Return docs/configuration.md."""
    sections = json_schema.of_config()["properties"]
    order = [*FIRST, *(name for name in sections if name not in FIRST)]
    parts = [part for name in order for part in _part(name, sections[name])]
    return "\n".join([INTRODUCTION, *parts])


def _part(name: str, node: Node) -> Iterator[str]:
    """Yield the heading of a top-level key, what it is for, and tables of the keys in it."""
    must = "" if "default" in node or name == "simulate" else " It must be written."
    yield f"## `{name}`\n\n{_sentence(node['description'])}{must}\n"
    rows = list(_rows(node, name))
    if rows:
        yield from _table(rows)
    else:
        yield f"Values: {_values(node)}.\n"
    for row in json_schema.rows(node):
        for kind, form in json_schema.tagged(row).items():
            yield f"### `{name}.{OWN_NAME}` of kind `{kind}`\n"
            yield from _table(_rows(_in_order(form), f"{name}.{OWN_NAME}"))


def _table(rows: Iterable[str]) -> Iterator[str]:
    yield "| key | values | default | what it is for |\n|---|---|---|---|"
    yield "".join(f"{row}\n" for row in rows)


def _in_order(form: Node) -> Node:
    """Return one of the forms of a row with its kind first, and what all kinds have last."""

    def rank(name: str) -> tuple[bool, bool, bool]:
        is_common = name in FeatureSetSettings.model_fields
        return name != json_schema.TAG, is_common, name not in form["required"]

    keys = form["properties"]
    return {**form, "properties": {name: keys[name] for name in sorted(keys, key=rank)}}


def _rows(node: Node, place: str) -> Iterator[str]:
    if json_schema.AS in node:
        return
    for name, key in node.get("properties", {}).items():
        yield from _row(key, f"{place}.{name}", required=name in node.get("required", ()))
    for key in json_schema.rows(node):
        described = {"description": "", **key}
        names = node.get("propertyNames", {})
        said = names.get("description") or ", ".join(names.get("enum", ()))
        yield from _row(described, f"{place}.{OWN_NAME}", required=False, name=said)


def _row(key: Node, place: str, *, required: bool, name: str = "") -> Iterator[str]:
    inner = list(_rows(key, place))
    is_section = bool(inner or json_schema.tagged(key))
    default = "must be written" if required else "" if is_section else _default(key)
    purpose = _sentence(key["description"]) if key["description"] else ""
    named = f" `<name>`: {name}." if name else ""
    values = "section" if is_section and "null" not in json_schema.kinds(key) else _values(key)
    cells = (f"`{place}`", values, default, (purpose + named).strip())
    yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield from inner


def _values(node: Node) -> str:
    """Return what a key may hold, in words."""
    if json_schema.AS in node:
        return f"section, as `{node[json_schema.AS]}`"
    told = []
    for form in json_schema.branches(node):
        choices = form.get("enum", [])
        if len(choices) > MOST_CHOICES:
            told.append(f"one of {len(choices)} names")
        else:
            told += [f"`{choice}`" for choice in choices]
        entries = form.get("items", {})
        for kind in (name for name in json_schema.kinds(form) if name != "null"):
            of = f" of {_values(entries)}" if kind == "array" and entries else ""
            told.append(f"{KINDS[kind]}{of}")
        limits = [words.format(form[bound]) for bound, words in LIMITS.items() if bound in form]
        told += [" and ".join(limits)] if limits else []
    told += [KINDS["null"]] if "null" in json_schema.kinds(node) else []
    return ", ".join(told)


def _default(key: Node) -> str:
    if "default" not in key:
        return "none"
    value = key["default"]
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("...\n").strip()
    return f"`{text}`"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


if __name__ == "__main__":
    write_text(schema(), SCHEMA)
    write_text(page(), PAGE)
