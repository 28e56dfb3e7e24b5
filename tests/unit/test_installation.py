"""`pip install .` alone, in a fresh environment, on every Python that is supported."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.unit.test_house import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = ["3.11", "3.12", "3.13"]


def interpreter(version: str) -> str:
    """Return a Python of this version that starts; a shim of pyenv may be there and not start."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [shutil.which(f"python{version}"), *pyenv.glob(f"versions/{version}.*/bin/python")]
    for candidate in map(str, filter(None, found)):
        if subprocess.run([candidate, "-c", "import venv"], capture_output=True).returncode == 0:
            return candidate
    return pytest.skip(f"no Python {version} on this machine")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "workflow" / "src", source / "workflow" / "src", ignore=ignored)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(source)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True)
    return next(source.glob("*.whl"))


def examples_of(wheel: Path, folder: Path, *, version: str, constraints: Path) -> dict:
    """Return what `installed_alone.py` says in a fresh environment with the wheel alone."""
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run([interpreter(version), "-m", "venv", str(folder / "env")], check=True)
    python = str(folder / "env" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--constraint", str(constraints)]
    subprocess.run([*install, str(wheel)], check=True, env=clean)
    script = shutil.copy(ROOT / "tests" / "unit" / "installed_alone.py", folder)
    page = str(ROOT / "docs" / "library.md")
    done = subprocess.run(
        [python, script, page], cwd=folder, env=clean, check=True, capture_output=True, text=True
    )
    shutil.rmtree(folder / "env")  # 400 MB, which pytest would keep
    return json.loads(done.stdout)


IN_WORDS = {
    "microcalc[workflow]": [
        "selection.likelihood.separated",
        "statistics.calibration.ici_p_value",
        "statistics.calibration.measure",
        "statistics.calibration.measures",
        "statistics.calibration.smooth_curve",
        "statistics.calibration.smoothed_outcomes",
    ],
    "pymrmr": ["selection.mrmr.rank_with_pymrmr"],
}


@pytest.mark.slow
@pytest.mark.parametrize("version", PYTHONS)
def test_statistics_and_selection_run_with_numpy_scipy_and_numba_alone(
    version, wheel, tmp_path
) -> None:
    constraints = ROOT / "envs" / "constraints.txt"
    said = examples_of(wheel, tmp_path, version=version, constraints=constraints)
    hold(said)


@pytest.mark.slow
@pytest.mark.parametrize("version", PYTHONS)
def test_the_oldest_versions_that_are_claimed_give_the_same(version, wheel, tmp_path) -> None:
    oldest = tmp_path / "oldest.txt"
    oldest.write_text("\n".join(PROJECT["dependencies"]).replace(">=", "=="))
    hold(examples_of(wheel, tmp_path, version=version, constraints=oldest))


def hold(said: dict) -> None:
    assert said["there"] == []
    assert said["failed"] == []
    assert said["examples"] > 20
    expected = {f"microcalc.{name}": words for words in IN_WORDS for name in IN_WORDS[words]}
    assert said["refused"].keys() == expected.keys()
    assert [name for name, words in expected.items() if words not in said["refused"][name]] == []
