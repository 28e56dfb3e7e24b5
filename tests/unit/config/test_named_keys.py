"""Keys of the config that messages, pages and documents name are keys that a config has."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from microcalc.config import json_schema
from microcalc.config.study_config import StudyConfig

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "workflow/src/microcalc"
WRITTEN = ("*.md", "docs/*.md", "workflow/*/*.md", "workflow/*/*.yaml", "workflow/report/**/*.*")
KEY = re.compile(rf"(?<![\w./-])({'|'.join(StudyConfig.model_fields)})((?:\.[a-z_]+)+)(?![\w/(])")
FILES = {
    *("csv", "docx", "html", "jpg", "json", "md", "npz", "parquet", "pdf", "png", "py", "smk"),
    *("svg", "tex", "tsv", "txt", "xlsx", "yaml"),
}


def texts() -> Iterator[tuple[Path, str]]:
    for path in sorted(SOURCE.rglob("*.py")):
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
    branches = [node, *node.get("anyOf", [])]
    below = [
        branch.get("properties", {}).get(parts[0]) or branch.get("additionalProperties")
        for branch in branches
    ]
    return any(is_key(parts[1:], inner) for inner in below if isinstance(inner, Mapping))


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
        if not is_key([section, *rest], schema)
    ] == []
