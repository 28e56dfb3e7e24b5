"""Ranges hold the pins, environments repeat them, and each holds what it is for."""

import ast
import itertools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.unit.installed_alone import READS_A_STUDY
from tests.unit.test_house import PACKAGE, ROOT, RULE_FILES, SCRIPTS

DISTRIBUTIONS = packages_distributions()
# Which names the environment of every rule that names none.
WIRING = ROOT / "workflow" / "rules" / "common.smk"
CONDA_NAMES = {"matplotlib": "matplotlib-base"}
# Which names the environment of every rule that names none.
WIRING = ROOT / "workflow" / "rules" / "common.smk"
# Half of another package, whose version it goes with.
PART_OF = {"pydantic-core": "pydantic"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BASE, EXTRAS = PROJECT["dependencies"], PROJECT["optional-dependencies"]


def lines_of(name: str) -> list[str]:
    lines = (ROOT / "envs" / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


PINS = {
    canonicalize_name(name): version
    for name, version in (line.split("==") for line in lines_of("constraints.txt"))
}


def wanted(*extras: str) -> dict[str, Requirement]:
    """Return what the package asks for with these extras, those that they name included."""
    found = {}
    for requirement in map(Requirement, itertools.chain(BASE, *(EXTRAS[name] for name in extras))):
        if requirement.name == "microcalc":
            found |= wanted(*sorted(requirement.extras))
        else:
            found[canonicalize_name(requirement.name)] = requirement
    return found


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_dependency_is_a_range_that_holds_the_pin(extra) -> None:
    for name, requirement in wanted(extra).items():
        signs = [bound.operator for bound in requirement.specifier]
        assert ">=" in signs, f"{name} has no oldest version"
        assert set(signs) <= {">=", "<"}, f"{name} is pinned in pyproject.toml"
        assert requirement.specifier.contains(PINS[name]), f"{name}: {PINS[name]}"


def test_an_upper_bound_says_why() -> None:
    reasons: dict[str, bool] = {}
    for line in (ROOT / "pyproject.toml").read_text().splitlines():
        for name in re.findall(r'"([\w-]+)>=[\d.]+,<', line):
            reasons[name] = reasons.get(name, False) or "#" in line
    assert len(reasons) > 3
    assert [name for name, given in reasons.items() if not given] == []


def test_base_is_numpy_scipy_and_numba() -> None:
    assert set(wanted()) == {"numba", "numpy", "scipy"}


def test_dev_is_all_but_the_cluster_the_benchmarks_and_radiomics() -> None:
    others = set(EXTRAS) - {"dev", "cluster", "bench", "radiomics"}
    assert wanted(*others).keys() < wanted("dev").keys()
    assert not {"snakemake-executor-plugin-slurm", "fast-select", "mirp"} & wanted("dev").keys()


@pytest.mark.parametrize("environment", ["analysis", "torch"])
def test_an_environment_repeats_the_pins(environment) -> None:
    pip_names = {conda: name for name, conda in CONDA_NAMES.items()}
    for line in dependencies_in(environment):
        name, _, version = re.sub("==?", "=", line).lower().partition("=")
        if name not in ("python", "pip"):
            assert PINS[canonicalize_name(pip_names.get(name, name))] == version, line


def test_what_builds_is_pinned_too() -> None:
    assert {canonicalize_name(name) for name in lines_of("build.txt")} <= PINS.keys()
    script = (ROOT / "envs" / "analysis.post-deploy.sh").read_text()
    assert re.findall(r"pymrmr==(\S+)", script) == [PINS["pymrmr"]]


EXTRAS_OF = {
    "core": (),
    "statistics": (),
    "images": ("images",),
    "features": ("features",),
    "figures": ("report",),
    "report": ("report",),
    **dict.fromkeys(("ingest", "run", "simulate"), ("workflow", "images")),
    "plan": ("workflow", "cluster"),
    **dict.fromkeys(
        ("apply", "cohort", "config", "evaluation", "models", "selection"), ("workflow",)
    ),
}


@pytest.mark.parametrize("folder", sorted(path.parent for path in PACKAGE.glob("*/__init__.py")))
def test_an_extra_brings_what_its_folders_import(folder) -> None:
    files = [path for path in folder.rglob("*.py") if path.name != "__init__.py"]
    needed = set().union(*(foreign_packages(file.read_text()) for file in files))
    brought = wanted(*EXTRAS_OF[folder.name])
    assert {canonicalize_name(name) for name in needed} <= brought.keys()


ALONE = """
import importlib, pathlib, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {away}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
for name in {names}:
    importlib.import_module(name)
"""


def test_statistics_and_array_selection_import_with_the_base_alone() -> None:
    """Quick; test_installation.py installs the package and runs the examples."""
    files = [
        path
        for folder in ("statistics", "selection")
        for path in (PACKAGE / folder).glob("[!_]*.py")
        if path.stem not in READS_A_STUDY
    ]
    names = [f"microcalc.{path.parent.name}.{path.stem}" for path in files]
    away = {"pandas", "sklearn", "statsmodels", "firthmodels", "pydantic", "jsonschema", "yaml"}
    program = ALONE.format(away=away, names=names)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def named_in(text: str) -> list[str]:
    return re.findall(r'"\.\./\.\./envs/(\w+)\.yaml"', text)


def environment_of(script: str) -> str:
    for file in RULE_FILES:
        body = re.search(rf"^rule {script}:\n(.*?)(?=^rule |\Z)", file.read_text(), re.M | re.S)
        if body:
            return (named_in(body[1]) or named_in(WIRING.read_text()))[0]
    raise LookupError(script)


def dependencies_in(environment: str) -> list[str]:
    parsed = yaml.safe_load((ROOT / "envs" / f"{environment}.yaml").read_text())
    lines = [d for d in parsed["dependencies"] if isinstance(d, str)]
    return lines + next(d["pip"] for d in parsed["dependencies"] if isinstance(d, dict))


def packages_in(environment: str) -> set[str]:
    return {line.partition("=")[0].lower() for line in dependencies_in(environment)}


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
            # What is not installed, as the cluster's plugin, is called as its module.
            distribution = DISTRIBUTIONS.get(top, [top])[0].lower().replace("_", "-")
            foreign.add(PART_OF.get(distribution, distribution))
    return foreign


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_environment_holds_what_its_script_imports(script) -> None:
    held = packages_in(environment_of(script.stem))
    needed = foreign_packages(script.read_text())
    assert needed or script.stem == "verify"
    assert {CONDA_NAMES.get(name, name) for name in needed} <= held


def test_what_git_runs_before_a_commit_is_what_lint_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repository["repo"] for repository in hooks] == ["local"]
    lint = re.search(r"^lint: setup\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.M)
    tools = {
        re.sub(r"^\.venv/bin/", "", hook["entry"]).split(" --")[0] for hook in hooks[0]["hooks"]
    }
    assert tools == {"ruff check", "ruff format", "snakefmt", "mypy"}
    assert all(f"$(BIN)/{tool}" in lint[1] for tool in tools)
