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
told |= {"takes_lock": request.takes_lock, "plans": request.plans}
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


@pytest.mark.parametrize(
    ("arguments", "takes_lock"),
    [
        ((), True),
        (("-n",), False),
        (("--unlock",), False),
        (("--summary",), False),
        (("--rulegraph",), False),
        (("--nolock",), False),
        (("--keep-going", "--forceall"), True),
    ],
)
def test_what_starts_no_job_takes_no_lock(
    tmp_path: Path, arguments: tuple[str, ...], takes_lock: bool
) -> None:
    assert run(tmp_path, *arguments)["takes_lock"] == takes_lock


@pytest.mark.parametrize(
    ("arguments", "plans"),
    [((), True), (("-n",), True), (("--list-rules",), False), (("--list-target-rules",), False)],
)
def test_what_draws_no_graph_writes_nothing_in_snakemakes_folder(
    tmp_path: Path, arguments: tuple[str, ...], plans: bool
) -> None:
    assert run(tmp_path, *arguments)["plans"] == plans
    assert (tmp_path / ".snakemake" / "metadata").exists() == plans


RULES = """
from pathlib import Path
from microcalc.plan import snakemake_habits

def named(folder):
    def path(rule, wildcards):
        return f"{folder}/{rule}/" + ("-".join(f"{{{name}}}" for name in wildcards) or "job")
    return path

rule copy_text:
    output: "made/{kind}-{number,[0-9]{1,2}}.txt"
    params: text="own"
    script: "scripts/write_text.py"

use rule copy_text as copy_other with:
    output: "others/{number}-{kind}.txt"

rule keep_own:
    output: "kept.txt"
    log: "own.log"
    params: text="own", code="own"
    conda: "own.yaml"
    script: "scripts/write_text.py"

rule say:
    params: text="said"
    script: "scripts/write_text.py"

def digest(script):
    return Path(workflow.basedir, "inner", "scripts", f"{script}.py").read_text()

snakemake_habits.complete_rules(
    workflow, rules, digest=digest, environment="env.yaml",
    log=named("logs"), benchmark=named("times"),
)
"""
SCRIPT = """
from pathlib import Path
Path(snakemake.log[0]).write_text("logged")
for output in snakemake.output:
    Path(output).write_text(f"{snakemake.params.text} {snakemake.params.code != 'own'}")
"""
AS_MODULE = """
module inner:
    snakefile: "inner/Snakefile"
    prefix: "below"

use rule * from inner as inner_*
"""


@pytest.fixture
def completed(tmp_path: Path) -> Path:
    """Return the folder of a workflow whose rules are completed, below one that includes it."""
    (tmp_path / "inner" / "scripts").mkdir(parents=True)
    (tmp_path / "Snakefile").write_text('include: "inner/Snakefile"\n')
    (tmp_path / "inner" / "Snakefile").write_text(RULES)
    (tmp_path / "inner" / "scripts" / "write_text.py").write_text(SCRIPT)
    for name in ("env.yaml", "own.yaml"):
        (tmp_path / "inner" / name).write_text("dependencies: [python]\n")
    return tmp_path


def snakemake(folder: Path, *arguments: str, returns: int = 0) -> str:
    """Return what Snakemake said."""
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "workflow" / "src"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == returns, done.stderr
    return done.stdout + done.stderr


def files(folder: Path, *names: str) -> list[str]:
    found = (path for name in names for path in (folder / name).rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def test_a_rule_is_given_what_it_does_not_state(completed: Path) -> None:
    made = ["made/a-1.txt", "others/2-b.txt", "kept.txt"]
    snakemake(completed, *made)
    snakemake(completed, "say")
    assert [(completed / path).read_text() for path in made] == [
        "own True",
        "own True",
        "own False",
    ]
    assert files(completed, "times") == ["times/copy_other/2-b", "times/copy_text/a-1"]
    assert files(completed, "logs") == ["logs/copy_other/2-b", "logs/copy_text/a-1", "logs/say/job"]
    assert (completed / "own.log").read_text() == "logged"


def test_a_completed_rule_satisfies_snakemakes_linter(completed: Path) -> None:
    # It complains of the file, where functions stand beside rules.
    said = snakemake(completed, "--lint", returns=1)
    assert "Lints for snakefile" in said
    assert "Lints for rule" not in said


def test_a_changed_digest_reruns_a_completed_rule(completed: Path) -> None:
    snakemake(completed, "made/a-1.txt")
    current = ("--dry-run", "made/a-1.txt", "--rerun-triggers", "params")
    assert "Nothing to be done" in snakemake(completed, *current)
    script = completed / "inner" / "scripts" / "write_text.py"
    script.write_text(SCRIPT + "# changed")
    assert "Params have changed" in snakemake(completed, *current)


def test_no_digest_is_asked_for_but_that_of_a_job(completed: Path) -> None:
    rules = completed / "inner" / "Snakefile"
    rules.write_text(
        RULES.replace("return Path(workflow.basedir", "assert False, Path(workflow.basedir")
    )
    snakemake(completed, "kept.txt")


def test_rules_of_a_module_keep_their_names_in_logs_and_times(completed: Path) -> None:
    (completed / "Snakefile").write_text(AS_MODULE)
    said = snakemake(completed, "below/made/a-1.txt")
    assert "rule inner_copy_text" in said
    assert files(completed, "below") == [
        *("below/logs/copy_text/a-1", "below/made/a-1.txt", "below/times/copy_text/a-1"),
    ]
