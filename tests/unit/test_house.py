"""The house's own rules, held by a test so that nobody has to remember them."""

import ast
import itertools
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "workflow" / "src" / "microcalc"
ROOMS = ["cohort", "images", "features", "selection", "models", "evaluation", "figures", "report"]
FLOORS = ["core", "statistics", "config", "plan"]
DOORS = ["simulate", "ingest", "apply", "run"]
SCRIPTS = sorted((ROOT / "workflow" / "scripts").glob("*.py"))
RULE_FILES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_reads_calls_and_writes(script: Path) -> None:
    text = script.read_text()
    assert len(text.splitlines()) <= 20
    branching = (ast.If, ast.For, ast.While, ast.Try, ast.FunctionDef, ast.comprehension)
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, branching)]
    assert "start(snakemake.log[0])" in text


MAY_IMPORT = {
    "core": [],
    "statistics": ["core"],
    "config": ["core"],
    "plan": ["core", "config"],
    **{room: [*FLOORS, *ROOMS[:number]] for number, room in enumerate(ROOMS)},
    **{door: [*FLOORS, *ROOMS] for door in DOORS},
}


def package_imports(path: Path) -> set[str]:
    """Return the modules of the package that a module imports, for its types alone too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in inner if module_file(name)}
            found |= modules | ({node.module} if len(modules) < len(inner) else set())
    return {name for name in found if name.startswith("microcalc.") and module_file(name)}


def module_file(name: str) -> Path | None:
    base = PACKAGE.parent.joinpath(*name.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def test_nothing_is_loose_and_every_folder_is_known() -> None:
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"]
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(MAY_IMPORT)


def test_no_two_modules_share_a_name() -> None:
    names = Counter(path.stem for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
    assert not [name for name, count in names.items() if count > 1]


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_floors_and_rooms_to_its_left(folder: str) -> None:
    for module in (PACKAGE / folder).rglob("*.py"):
        used = {name.split(".")[1] for name in package_imports(module)}
        assert used <= {folder, *MAY_IMPORT[folder]}, module


def test_no_modules_import_each_other_in_a_circle() -> None:
    waiting = {
        path: {module_file(name) for name in package_imports(path)} - {path}
        for path in PACKAGE.rglob("*.py")
    }
    while free := [path for path, needed in waiting.items() if not needed & waiting.keys()]:
        for path in free:
            del waiting[path]
    assert not waiting


def test_heavy_libraries_stay_in_their_rooms() -> None:
    homes = {"torch": "features", "torchvision": "features", "matplotlib": "figures"}
    for module in PACKAGE.rglob("*.py"):
        for name in imports(module):
            home = homes.get(name.split(".")[0])
            assert home in (None, module.relative_to(PACKAGE).parts[0]), f"{module}: {name}"
        knows_snakemake = any(name.split(".")[0] == "snakemake" for name in imports(module))
        assert not knows_snakemake or module.name == "snakemake_habits.py", module


NEVER = {
    *("eval", "exec", "read_pickle", "to_pickle", "extractall", "unpack_archive", "full_load"),
    *("unsafe_load", "from_string", "system", "popen", "getoutput", "getstatusoutput"),
}
SAFE_WHEN = {("torch", "load"): ("weights_only", True), ("np", "load"): ("allow_pickle", False)}


@pytest.mark.parametrize("module", [*PACKAGE.rglob("*.py"), *SCRIPTS], ids=lambda path: path.stem)
def test_no_code_comes_out_of_data(module: Path) -> None:
    assert not imports(module) & {"joblib", "dill", "cloudpickle", "marshal", "shelve"}
    # Only to catch its errors, which torch raises.
    assert "pickle" not in imports(module) or module.name in ("statedict.py", "checkpoint.py")
    for call in (node for node in ast.walk(ast.parse(module.read_text())) if _is_call(node)):
        function = call.func
        owner = getattr(getattr(function, "value", None), "id", "")
        name = getattr(function, "attr", getattr(function, "id", ""))
        given = {key.arg: getattr(key.value, "value", None) for key in call.keywords}
        assert name not in NEVER or (name == "eval" and isinstance(function, ast.Attribute)), name
        assert (owner, name) != ("yaml", "load")
        assert "shell" not in given
        if (owner, name) in SAFE_WHEN:
            key, value = SAFE_WHEN[owner, name]
            assert given.get(key) is value, f"{owner}.{name} without {key}={value}"


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call)


def test_every_rule_has_a_script_of_its_name_and_nothing_that_all_have_alike() -> None:
    named = set()
    for file in RULE_FILES:
        text = file.read_text()
        assert not re.search(r"^\s*run:", text, re.M), file
        if file.name != "common.smk":
            assert not re.search(r"^\s*(if|for|def)\b", text, re.M), file
        for name, body in re.findall(r"^rule (\w+):\n(.*?)(?=^rule |\Z)", text, re.M | re.S):
            named.add(name)
            assert f'"../scripts/{name}.py"' in body, name
            # An ingest comes before there is a study whose logs it could lie among.
            assert ("log:" in body) == (name == "ingest"), name
            assert not re.search(r"benchmark:|code=|analysis.yaml|lambda", body), name
    assert named == {script.stem for script in SCRIPTS}


def test_what_every_job_reads_again_imports_nothing_heavy() -> None:
    """On a cluster each of thousands of jobs waits for it."""
    wiring = (ROOT / "workflow" / "rules" / "common.smk").read_text()
    imported = re.findall(r"^(?:from|import) microcalc.*", wiring, re.M)
    assert len(imported) > 10
    heavy = "{'numpy', 'pandas', 'scipy', 'sklearn', 'torch', 'pydicom', 'matplotlib'}"
    program = "\n".join([*imported, f"import sys; print(sorted({heavy} & set(sys.modules)))"])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_the_wiring_is_short() -> None:
    """What grows there is a function of the config, and belongs in the package."""
    wiring = ROOT / "workflow" / "rules" / "common.smk"
    assert len(wiring.read_text().splitlines()) <= 300


def test_the_snakefile_is_short() -> None:
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= 40


def test_pins_agree_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *itertools.chain(*extras.values())]
    pins = dict(line.lower().split("==") for line in wanted)
    constraints = dict(
        line.lower().replace("_", "-").split("==")
        for line in (ROOT / "envs" / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    )
    assert {name: constraints[name] for name in pins} == pins
    pins |= dict(
        line.split("==")
        for line in (ROOT / "envs" / "build.txt").read_text().split()
        if "==" in line
    )
    for environment in ("analysis", "torch"):
        parsed = yaml.safe_load((ROOT / "envs" / f"{environment}.yaml").read_text())
        flat = [d for d in parsed["dependencies"] if isinstance(d, str)]
        flat += next(d["pip"] for d in parsed["dependencies"] if isinstance(d, dict))
        for line in flat:
            name, _, version = re.sub("==?", "=", line).lower().partition("=")
            if name not in ("python", "pip"):
                name = {"matplotlib-base": "matplotlib"}.get(name, name)
                assert pins[name] == version, f"{environment}: {line}"


def test_no_registry_is_named() -> None:
    for name in ("pyproject.toml", "envs/constraints.txt", "envs/build.txt", "Makefile"):
        assert "://" not in (ROOT / name).read_text(), name
