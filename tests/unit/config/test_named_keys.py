"""Keys of the config that messages, pages and documents name are keys that a config has."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.configs import SMALLEST

from microcalc.config import json_schema, old_form, settings
from microcalc.config.study_config import StudyConfig

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "workflow/src/microcalc"
WRITTEN = ("*.md", "docs/*.md", "workflow/*/*.md", "workflow/*/*.yaml", "workflow/report/**/*.*")
KEY = re.compile(
    rf"(?<![\w./-])({'|'.join(StudyConfig.model_fields)})((?:\.(?:[a-z_]+|<name>))+)(?![\w/(])"
)
FILES = {
    *("csv", "docx", "html", "jpg", "json", "md", "npz", "parquet", "pdf", "png", "py", "smk"),
    *("svg", "tex", "tsv", "txt", "xlsx", "yaml"),
}


def texts() -> Iterator[tuple[Path, str]]:
    old_keys = SOURCE / "config/old_form.py"
    for path in sorted({*SOURCE.rglob("*.py")} - {old_keys}):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        of_streams = {id(part) for node in nodes if is_stream(node) for part in ast.walk(node)}
        for node in nodes:
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if is_text and id(node) not in of_streams:
                yield path, node.value
    for path in sorted({path for pattern in WRITTEN for path in ROOT.glob(pattern)}):
        if path.is_file() and path.name != "CHANGELOG.md":  # which tells of keys there were
            yield path, re.sub(r"\{[{%].*?[%}]\}", "", path.read_text(), flags=re.DOTALL)


def is_stream(node: ast.AST) -> bool:
    """Return whether a node names a stream of random numbers, after what draws from it."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("stream", "seeds.derive")


def is_key(parts: list[str], node: Mapping[str, Any]) -> bool:
    if not parts:
        return True
    below = []
    for form in json_schema.branches(node):
        found = form.get("properties", {}).get(parts[0])
        below += [found] if found else json_schema.rows(form)
    return any(is_key(parts[1:], inner) for inner in below)


def is_misplaced(section: str, rest: list[str]) -> bool:
    """Return whether a set of features is left out before one of its keys."""
    (row,) = json_schema.rows(json_schema.of_config()["properties"]["features"])
    keys = {key for form in json_schema.branches(row) for key in form["properties"]}
    return section == "features" and rest[0] in {*keys, *old_form.OF_FEATURES}


def test_every_key_that_is_named_is_one() -> None:
    schema, named = json_schema.of_config(), []
    for path, text in texts():
        for match in KEY.finditer(text):
            section, rest = match[1], match[2].removeprefix(".").split(".")
            is_module = (SOURCE / section / f"{rest[0]}.py").exists()
            if rest[-1] in FILES or (is_module and not is_key([section, rest[0]], schema)):
                continue
            named.append((path.name, section, rest))
    assert len(named) > 200
    assert [
        f"{name}: {section}.{'.'.join(rest)}"
        for name, section, rest in named
        if is_misplaced(section, rest) or not is_key([section, *rest], schema)
    ] == []


def examples() -> dict[str, dict[str, Any]]:
    """Return the parts of a config that documents show, by the document and their number."""
    found = {}
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        blocks = re.findall(r"^```yaml\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)
        for i, block in enumerate(map(yaml.safe_load, blocks)):
            if isinstance(block, dict) and block.keys() <= StudyConfig.model_fields.keys():
                found[f"{path.name} {i + 1}"] = block
    return found


@pytest.mark.parametrize("sections", examples().values(), ids=examples())
def test_what_documents_show_of_a_config_has_no_fault(sections: dict[str, Any]) -> None:
    age = {"age": {"kind": "continuous"}}
    config = {**SMALLEST, "clinical": age, "evaluation": {"comparisons": []}}
    assert settings.problems(config | sections) == []
