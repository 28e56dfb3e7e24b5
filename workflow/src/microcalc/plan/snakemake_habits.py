"""What Snakemake does and does not promise: its command line, its records, its locks, its plan.

Nothing else in the package knows of it. `tests/workflow/test_snakemake_habits.py` asks Snakemake
itself, and fails where another version does otherwise.
"""

import base64
import io
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from microcalc.core import job_records
from microcalc.core.errors import StudyError
from microcalc.core.files import atomic_path

FOLDER = Path(".snakemake")
LOCKS = FOLDER / "locks"
"""Where Snakemake's file persistence keeps its locks, one file each."""

_RECORDS = ("metadata", "incomplete")
_DATABASE = FOLDER / "metadata.db"


_RUNS_NO_JOB = (
    *("dryrun", "unlock", "lint", "report", "generate_unit_tests", "containerize", "export_cwl"),
    *("list_rules", "list_target_rules", "dag", "rulegraph", "filegraph", "d3dag", "summary"),
    *("detailed_summary", "archive", "list_changes", "list_input_changes", "list_params_changes"),
    *("list_untracked", "print_compilation", "list_conda_envs", "conda_cleanup_envs"),
    *("cleanup_metadata", "cleanup_shadow", "nolock"),
)
"""Options with which Snakemake starts no job, or asks for no lock."""

_PLANS_NOTHING = ("lint", "list_rules", "list_target_rules", "print_compilation")
"""Options with which Snakemake draws no graph of jobs, and makes no folder of its own."""


class RefusalError(SystemExit):
    """The end of a run that the workflow refuses, as Snakemake lets it through: code 1, no trace.

    Attributes
    ----------
    message
        Why. It has been logged; who has silenced Snakemake must tell it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(1)
        self.message = message


@dataclass(frozen=True)
class Request:
    """What the user asked Snakemake for.

    Attributes
    ----------
    targets
        Rules and files that were named.
    forces
        Whether rules or targets are to be run whatever Snakemake knows of them.
    has_database
        Whether Snakemake's records are in a database that only it can open.
    takes_lock
        Whether jobs are to be run, under Snakemake's lock.
    plans
        Whether Snakemake is to make a plan, if only to show it, for which it writes in its folder.
    """

    targets: frozenset[str] = frozenset()
    forces: bool = False
    has_database: bool = False
    takes_lock: bool = False
    plans: bool = False


@cache
def request(*arguments: str) -> Request:
    """Return what a command line asks for, this process's own without arguments.

    Snakemake tells a workflow only when its rules are read. It is Snakemake's own parser that
    reads the command line; where Snakemake was started by a program, nothing is known.
    """
    if "snakemake.cli" not in sys.modules:
        return Request()
    from snakemake.cli import get_argument_parser  # type: ignore[import-untyped]

    parser = get_argument_parser()
    given, _ = parser.parse_known_args(list(arguments or sys.argv[1:]))
    return Request(
        targets=frozenset(given.targets),
        forces=bool(given.force or given.forceall or given.forcerun),
        has_database=given.persistence_backend_db_url is not None,
        takes_lock=all(getattr(given, name) == parser.get_default(name) for name in _RUNS_NO_JOB),
        plans=not any(getattr(given, name) for name in _PLANS_NOTHING),
    )


def use_own_slurm_executor() -> None:
    """Let `--executor slurm` mean ours, where Snakemake's plugin for SLURM is installed.

    Snakemake has read its plugins before it reads a workflow, and starts one after.
    """
    if "snakemake_executor_plugin_slurm" not in sys.modules:
        return
    from snakemake.api import ExecutorPluginRegistry  # type: ignore[import-untyped]

    from microcalc.plan.slurm_executor import SlurmExecutor

    ExecutorPluginRegistry().get_plugin("slurm").executor = SlurmExecutor


def locks_of(study: str) -> list[Path]:
    """Return Snakemake's lock files that name results of a study."""
    found = sorted(LOCKS.glob("*.lock")) if LOCKS.exists() else []
    return [lock for lock in found if f"results/{study}/" in _text(lock)]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # its run has ended since
        return ""


def complete_rules(
    workflow: Any,
    rules: Any,
    *,
    log: Callable[[str, Sequence[str]], str],
    benchmark: Callable[[str, Sequence[str]], str],
    digest: Callable[[str], str],
    environment: str,
) -> None:
    """Give each rule that has a script what it does not state itself, as if it stood in the rule.

    Snakemake knows no defaults of these directives. Each is set as Snakemake does where it has
    read one.

    Parameters
    ----------
    workflow
        Snakemake's `workflow`, when every rule has been read.
    rules
        Snakemake's `rules`: those of this workflow under their own names, also where another
        workflow has it as a module and calls them otherwise.
    log, benchmark
        From a rule's name and its wildcards, in the order of its first output, to a path with
        wildcards. A rule that states its log is given no benchmark, nor is one without output.
    digest
        From the stem of a script to a digest of all its code: the param `code`. It is asked only
        when a job is made, since a job on a cluster reads every rule and is one rule's.
    environment
        The conda environment, relative to the folder of the rules.
    """
    for name, proxy in rules._rules.items():
        rule = proxy.rule
        if not rule.script:
            continue
        if not rule.log:
            rule.log_modifier = rule.benchmark_modifier = workflow.modifier.path_modifier
            rule.set_log(log(name, _wildcards(rule)))
            if rule.output:
                rule.benchmark = benchmark(name, _wildcards(rule))
        if not hasattr(rule.params, "code"):
            rule.set_params(code=_when_asked(digest, Path(rule.script).stem))
        rule.conda_env = rule.conda_env or environment


def _when_asked(function: Callable[[str], str], name: str) -> Callable[[Any], str]:
    return lambda wildcards: function(name)


def _wildcards(rule: Any) -> list[str]:
    """Return a rule's wildcards in the order of its first output."""
    found = re.findall(r"\{(\w+)", rule.output[0]) if rule.output else []
    return [name for name in dict.fromkeys(found) if name in rule.wildcard_names]


def rules_by_file(rules: Any) -> dict[str, list[str]]:
    """Return the rules that make something, by the stem of their file, in the order of both."""
    found: dict[str, list[str]] = {}
    for name, proxy in rules._rules.items():
        if proxy.rule.script and proxy.rule.output:
            found.setdefault(Path(proxy.rule.snakefile).stem, []).append(name)
    return found


def makes(rules: Any, name: str, output: str) -> bool:
    """Return whether there is a rule of this name in this workflow and it makes a file."""
    proxy = rules._rules.get(name)
    return proxy is not None and bool(proxy.rule.is_producer(output))


def job_of(rules: Any, name: str, output: str) -> tuple[Any, dict[str, list[str]]] | None:
    """Return the params and the inputs of a job, by its rule and one of its outputs.

    Parameters
    ----------
    rules
        Snakemake's `rules`.
    name
        A rule's name in this workflow.
    output
        A file.

    Returns
    -------
    params, inputs
        As the job would be given them; inputs without those marked `ancient`, whose change alone
        makes nothing anew. None where no such rule makes the file.
    """
    if not makes(rules, name, output):
        return None
    rule = rules._rules[name].rule
    wildcards = rule.get_wildcards(output)
    inputs, *_ = rule.expand_input(wildcards)
    params, *_ = rule.expand_params(wildcards, inputs, rule.output, None)
    ancient = {str(path) for path in inputs if "ancient" in path.flags}
    by_role = job_records.by_role(inputs)
    return params, {
        role: [path for path in paths if path not in ancient] for role, paths in by_role.items()
    }


def job_that_makes(
    result: str,
    *,
    snakefile: Path,
    configfile: str | os.PathLike[str] | None,
    cores: int,
    scratch: Path | None,
) -> tuple[Path, Any]:
    """Return the script of the job that makes `result`, and the `snakemake` it is given.

    Snakemake builds its graph of jobs, in the working directory, and is asked for no more.

    Parameters
    ----------
    result
        A file, as its rule names it.
    snakefile, configfile, cores
        As on Snakemake's command line.
    scratch
        Where outputs and log are to lie instead; what a job brings up to date is copied there.

    Returns
    -------
    script : Path
        The script of the job's rule.
    snakemake
        What it is given under this name; folders of its outputs and log are there.

    Raises
    ------
    StudyError
        When no rule makes it, or the workflow refuses the study.
    """
    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import RuleException, WorkflowError  # type: ignore[import-untyped]
    from snakemake.iocontainers import Log, OutputFiles, Snakemake  # type: ignore[import-untyped]
    from snakemake.settings import types as settings  # type: ignore[import-untyped]

    configfiles = [] if configfile is None else [Path(configfile)]
    quiet = settings.OutputSettings(quiet={settings.Quietness.ALL})
    with SnakemakeApi(quiet) as api, redirect_stdout(io.StringIO()):
        flow = api.workflow(
            snakefile=snakefile,
            resource_settings=settings.ResourceSettings(cores=cores),
            config_settings=settings.ConfigSettings(configfiles=configfiles),
        )
        try:
            flow.dag(settings.DAGSettings(targets={result})).printrulegraph()
        except (RuleException, WorkflowError) as error:
            raise StudyError(f"{result}: Snakemake cannot tell how it is made: {error}") from error
        except RefusalError as refusal:
            raise StudyError(refusal.message) from None
        job = next(job for job in flow._workflow.dag.targetjobs if result in job.output)
    output, log = job.output, job.log
    if scratch is not None:
        output = OutputFiles(toclone=output, custom_map=lambda path: _moved(path, scratch))
        log = Log(toclone=log, custom_map=lambda path: _moved(path, scratch))
    for path in (*output, *log):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    rule = job.rule
    given = (job.input, output, job.params, job.wildcards, job.threads, job.resources, log)
    script = Path(str(rule.basedir.join(rule.script).get_path_or_uri(secret_free=True))).resolve()
    folder = str(script.parent)
    return script, Snakemake(*given, flow._workflow.config, rule.name, None, folder)


def _moved(path: Any, scratch: Path) -> str:
    """Return where a file lies below `scratch`, there already where a job brings it up to date."""
    place = scratch / Path(path).relative_to(Path(path).anchor)
    if "update" in getattr(path, "flags", {}) and Path(path).exists():
        with atomic_path(place) as temporary:
            shutil.copyfile(path, temporary)
    return str(place)


def is_of_this_run(dag: Any, path: str | os.PathLike[str]) -> bool:
    """Return whether a result is what a run that succeeded was to leave: made by it, or current.

    Parameters
    ----------
    dag
        Snakemake's `workflow.dag`. What its targets do not stand on is not in this run, although
        `--until` leaves it in the graph.
    path
        A result's path, as its rule names it.
    """
    return any(
        os.path.normpath(path) == os.path.normpath(str(output))
        for job in dag.bfs(dag.dependencies, *dag.targetjobs)
        for output in job.output
    )


def has_record(output: str) -> bool:
    """Return whether Snakemake holds a record of `output`, in its files or in its database.

    In a database that only Snakemake can open, it is taken to hold one.
    """
    if request().has_database:
        return True
    name = base64.urlsafe_b64encode(output.encode()).decode()
    if any(_record_file(FOLDER / kind, name).exists() for kind in _RECORDS):
        return True
    return _DATABASE.exists() and _is_in_database(output)


def _is_in_database(output: str) -> bool:
    query = "SELECT 1 FROM snakemake_metadata WHERE namespace = ? AND target = ?"
    with closing(sqlite3.connect(f"{_DATABASE.absolute().as_uri()}?mode=ro", uri=True)) as database:
        try:
            found = database.execute(query, [str(FOLDER.absolute()), output])
        except sqlite3.OperationalError:  # a run that was killed before it had made its tables
            return False
        return found.fetchone() is not None


def _record_file(folder: Path, name: str) -> Path:
    """Return the file of a record, whose name is cut into folders where it is too long for one."""
    longest = os.pathconf(folder, "PC_NAME_MAX") if folder.exists() else 255
    if len(name) <= longest - 1:
        return folder / name
    parts = [f"@{name[i : i + longest - 1]}" for i in range(0, len(name), longest - 1)]
    return folder.joinpath(*parts[:-1], parts[-1].removeprefix("@"))
