"""The house's own rules, held by a test so that nobody has to remember them."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from microcalc.config.feature_kinds import FeatureSet
from microcalc.config.feature_settings import FeatureSetSettings

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
    # In statements, since a limit of lines would make calls that are hard to read.
    assert len(ast.parse(text).body) <= 20
    branching = (ast.If, ast.For, ast.While, ast.Try, ast.FunctionDef, ast.comprehension)
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, branching)]
    leaves_results = script.stem not in ("check", "freeze_split", "ingest", "verify", "crate")
    assert ("job = job_records.begin(snakemake)" in text) == leaves_results
    assert (text.splitlines()[-1].startswith("job.leave_record(")) == leaves_results
    assert ("start(snakemake.log[0])" in text) != leaves_results


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
        if file.name not in ("config.smk", "common.smk"):
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


def test_no_registry_is_named() -> None:
    for name in ("pyproject.toml", "envs/constraints.txt", "envs/build.txt", "Makefile"):
        assert "://" not in (ROOT / name).read_text(), name


def public_functions(path: Path) -> list[ast.FunctionDef]:
    body = ast.parse(path.read_text()).body
    return [f for f in body if isinstance(f, ast.FunctionDef) and not f.name.startswith("_")]


DOCUMENTED = [
    path
    for pattern in ("statistics/*.py", "selection/*.py", "models/logistic.py", "images/*.py")
    for path in sorted(PACKAGE.glob(pattern))
    if public_functions(path)
]


@pytest.mark.parametrize("path", DOCUMENTED, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_public_function_says_what_it_takes_and_gives_and_shows_it(path: Path) -> None:
    """What an example prints is held by tests/unit/test_examples.py."""
    for function in public_functions(path):
        sections = numpydoc_sections(ast.get_docstring(function) or "")
        named = re.findall(r"^[*\w].*$", sections.get("Parameters", ""), re.M)
        given = {name.strip(" *") for line in named for name in line.split(",")}
        arguments = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
        assert given == arguments, f"{path.name}: {function.name}"
        gives = ast.unparse(function.returns) != "None"
        assert not gives or sections.keys() & {"Returns", "Yields"}, f"{path.name}: {function.name}"
        assert ">>> " in sections.get("Examples", ""), f"{path.name}: {function.name}"
        raises = any(isinstance(node, ast.Raise) for node in ast.walk(function))
        assert not raises or "Raises" in sections, f"{path.name}: {function.name}"


def test_whoever_refuses_a_study_says_when() -> None:
    silent = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for name, function in public_callables(ast.parse(path.read_text())):
            refuses = any(is_refusal(node) for node in ast.walk(function))
            if refuses and "Raises" not in numpydoc_sections(ast.get_docstring(function) or ""):
                silent.append(f"{path.relative_to(PACKAGE)}: {name}")
    assert silent == []


def public_callables(module: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield the public functions of a module, and the public methods of its public classes."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.startswith("_"):
            continue
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            methods = (part for part in node.body if isinstance(part, ast.FunctionDef))
            yield from ((f"{node.name}.{m.name}", m) for m in methods if m.name[0] != "_")


def is_refusal(node: ast.AST) -> bool:
    """Return whether a node raises a StudyError, one for many problems included."""
    if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
        return False
    return ast.unparse(node.exc.func) in ("StudyError", "StudyError.listing")


def numpydoc_sections(docstring: str) -> dict[str, str]:
    parts = re.split(r"^(\w[\w ]*)\n-+\n", docstring, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_kind_of_sets_is_written_up() -> None:
    kinds = {
        str(row.model_fields["kind"].annotation.__args__[0])  # type: ignore[union-attr]
        for row in get_args(get_args(FeatureSet)[0])
        if issubclass(row, FeatureSetSettings)
    }
    texts = {path.stem for path in (ROOT / "workflow/report/methods/sets").glob("*.j2")}
    assert texts == kinds
