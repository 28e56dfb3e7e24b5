"""A rule's conda environment holds what the rule's script imports."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions

import pytest
import yaml
from tests.unit.test_house import PACKAGE, ROOT, RULE_FILES, SCRIPTS

DISTRIBUTIONS = packages_distributions()
# Which names the environment of every rule that names none.
WIRING = ROOT / "workflow" / "rules" / "common.smk"
CONDA_NAMES = {"matplotlib": "matplotlib-base"}


def named_in(text: str) -> list[str]:
    return re.findall(r'"\.\./\.\./envs/(\w+)\.yaml"', text)


def environment_of(script: str) -> str:
    for file in RULE_FILES:
        body = re.search(rf"^rule {script}:\n(.*?)(?=^rule |\Z)", file.read_text(), re.M | re.S)
        if body:
            return (named_in(body[1]) or named_in(WIRING.read_text()))[0]
    raise LookupError(script)


def packages_in(environment: str) -> set[str]:
    parsed = yaml.safe_load((ROOT / "envs" / f"{environment}.yaml").read_text())
    lines = [d for d in parsed["dependencies"] if isinstance(d, str)]
    lines += next(d["pip"] for d in parsed["dependencies"] if isinstance(d, dict))
    return {line.partition("=")[0].lower() for line in lines}


def imported_at_once(source: str) -> Iterator[str]:
    """Yield what a module imports when it is imported itself: not inside its functions."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def foreign_packages(source: str) -> set[str]:
    """Return the packages, not ours, that must be there for `source` to be imported."""
    waiting, seen, foreign = list(imported_at_once(source)), set(), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        top, *rest = name.split(".")
        if top == "microcalc":
            base = PACKAGE.joinpath(*rest)
            files = [base.with_suffix(".py"), base / "__init__.py", base.parent / "__init__.py"]
            for file in filter(lambda file: file.is_file(), files):
                waiting += imported_at_once(file.read_text())
        elif top not in sys.stdlib_module_names:
            foreign.add(DISTRIBUTIONS[top][0].lower())
    return foreign


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_environment_holds_what_its_script_imports(script) -> None:
    held = packages_in(environment_of(script.stem))
    needed = foreign_packages(script.read_text())
    assert needed
    assert {CONDA_NAMES.get(name, name) for name in needed} <= held
