"""What the workflow knows of Snakemake and Snakemake does not promise, asked of itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.test_house import ROOT

SNAKEFILE = """
import json
from pathlib import Path
from microcalc.plan import snakemake_habits

request = snakemake_habits.request()
OUTPUTS = ["result.txt", "folder/" + "long-" * 45 + ".txt"]
RECORDED = {name: snakemake_habits.has_record(name) for name in OUTPUTS}
told = {"targets": sorted(request.targets), "forces": request.forces, "recorded": RECORDED}
if workflow.is_main_process:
    Path(workflow.basedir, "told.json").write_text(json.dumps(told))

rule all:
    input: OUTPUTS

rule apply:
    input: OUTPUTS

rule make:
    output: OUTPUTS
    run:
        locks = list(snakemake_habits.LOCKS.glob("*")) if snakemake_habits.LOCKS.exists() else []
        for name in output:
            Path(name).write_text(str(len(locks)))
"""


def run(folder: Path, *arguments: str) -> dict[str, object]:
    """Return what the workflow was told."""
    (folder / "Snakefile").write_text(SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all", *arguments]
    source = str(ROOT / "workflow" / "src")
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads((folder / "told.json").read_text())
    return told


@pytest.mark.parametrize(
    "backend", [(), ("--persistence-backend", "db")], ids=["files", "database"]
)
def test_records_are_found_where_snakemake_keeps_them(tmp_path: Path, backend: list[str]) -> None:
    before = run(tmp_path, *backend)
    assert set(before["recorded"].values()) == {False}  # type: ignore[attr-defined]
    after = run(tmp_path, *backend)
    assert set(after["recorded"].values()) == {True}  # type: ignore[attr-defined]
    locks = int((tmp_path / "result.txt").read_text())
    assert locks > 0 or backend


@pytest.mark.parametrize(
    ("arguments", "targets", "forces"),
    [
        ((), [], False),
        (("apply",), ["apply"], False),
        (("-F",), [], True),
        (("--forceall",), [], True),
        (("-R", "make"), [], True),
        (("-Rmake",), [], True),
        (("--forcerun=make",), [], True),
        (("apply", "-f"), ["apply"], True),
        (("--directory", "apply"), [], False),
    ],
)
def test_a_command_line_is_read_as_snakemake_reads_it(
    tmp_path: Path, arguments: tuple[str, ...], targets: list[str], forces: bool
) -> None:
    (tmp_path / "apply").mkdir()
    told = run(tmp_path, "--dry-run", *arguments)
    assert (told["targets"], told["forces"]) == (targets, forces)
