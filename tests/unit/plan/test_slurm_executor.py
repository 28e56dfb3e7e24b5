"""The mended SLURM executor, as far as it can be asked without a SLURM."""

import asyncio
import os
import re
import tomllib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest
from packaging.requirements import Requirement
from tests.unit.test_house import ROOT

pytest.importorskip("snakemake_executor_plugin_slurm", reason="`make test-slurm` installs it")

from snakemake.exceptions import WorkflowError

from microcalc.plan import slurm_executor
from microcalc.plan.slurm_executor import MENDED, PLUGIN, SlurmExecutor

pytestmark = pytest.mark.slurm

RECHECK = (
    "A new version of the plugin: read in its source whether check_active_jobs still waits for "
    "PREEMPTED and for jobs that the controller has forgotten, loses its jobs when the queries "
    "fail, and whether cancel_jobs reaches a job under submission; delete what it does itself. "
    "The names used of it: run_uuid, _job_submission_executor, run_job, get_submit_command, "
    "get_job_wildcards, _report_job_error_threadsafe, aux['slurm_logfile']; of its base: wait, "
    "sleep, next_seconds_between_status_checks. Then `make test-slurm`, and MENDED."
)


def test_the_plugin_is_the_one_that_is_mended() -> None:
    assert version(PLUGIN) == MENDED, RECHECK
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (asked,) = map(Requirement, project["optional-dependencies"]["cluster"])
    next_one = re.sub(r"\d+$", lambda last: str(int(last[0]) + 1), MENDED)
    assert asked.name == PLUGIN
    assert list(asked.specifier.filter([MENDED, next_one])) == [MENDED], RECHECK
    pins = (ROOT / "envs" / "constraints.txt").read_text().splitlines()
    assert f"{PLUGIN}=={MENDED}" in pins, RECHECK


def settings(**given: Any) -> SimpleNamespace:
    return SimpleNamespace(executor_settings=SimpleNamespace(**{"array_jobs": None, **given}))


def test_another_version_is_refused_with_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slurm_executor, "version", lambda name: "2.9.0")
    with pytest.raises(WorkflowError, match=rf"2\.9\.0 is installed.*pip install '{PLUGIN}=="):
        SlurmExecutor(settings(), None)


def test_array_jobs_are_refused() -> None:
    with pytest.raises(WorkflowError, match=r"--slurm-array-jobs: .* leave the option out"):
        SlurmExecutor(settings(array_jobs="all"), None)


class Output(str):
    """A path as Snakemake flags it."""

    flags: dict[str, bool]

    def __new__(cls, path: Path, *flags: str) -> "Output":
        made = super().__new__(cls, str(path))
        made.flags = dict.fromkeys(flags, True)
        return made


class Persistence:
    """Snakemake's records, of which the marks of incompleteness are asked for."""

    def __init__(self, *marked: str) -> None:
        self.marked = marked

    def deactivate_cache(self) -> None: ...

    async def incomplete(self, job: Any) -> list[str]:
        return [path for path in job.output if path in self.marked]


@dataclass(eq=False)
class Job:
    """As much of a job as is asked for."""

    output: list[Output]

    def is_group(self) -> bool:
        return False


def is_done(outputs: list[Output], before: dict[str, tuple[int, int]], *marked: str) -> bool:
    """Return what is made of a forgotten job of these outputs."""
    executor = SlurmExecutor.__new__(SlurmExecutor)
    executor.workflow = SimpleNamespace(persistence=Persistence(*marked))
    job = Job(outputs)
    executor._before = {job: before}
    return asyncio.run(executor._is_done(job))


def test_a_forgotten_job_is_done_when_all_its_results_are_new_and_unmarked(tmp_path: Path) -> None:
    one, two = Output(tmp_path / "one"), Output(tmp_path / "two")
    absent = {one: slurm_executor._ABSENT, two: slurm_executor._ABSENT}
    (tmp_path / "one").write_text("whole")
    assert not is_done([one, two], absent)
    (tmp_path / "two").write_text("whole")
    assert is_done([one, two], absent)
    assert not is_done([one, two], absent, two)


def test_what_lay_there_before_a_job_tells_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_text("old")
    before = {str(path): slurm_executor._identity(path)}
    assert not is_done([Output(path)], before)
    fresh = tmp_path / "fresh"
    fresh.write_text("new")
    os.replace(fresh, path)
    assert is_done([Output(path)], before)


def test_what_a_job_updates_in_place_may_have_been_put_back(tmp_path: Path) -> None:
    path = tmp_path / "shard"
    absent = {str(path): slurm_executor._ABSENT}
    path.write_text("old")
    before = {str(path): slurm_executor._identity(path)}
    path.unlink()
    path.write_text("put back after a failure")
    assert not is_done([Output(path, "update")], before)
    assert is_done([Output(path, "update")], absent)


def test_a_number_that_was_given_twice_tells_of_the_second_job_alone() -> None:
    first, second = Job([]), Job([])
    executor = SlurmExecutor.__new__(SlurmExecutor)
    executor._owners, executor._missed_since = {"7": second}, {}
    told: list[Any] = []
    executor._report_success = told.append
    executor._has_found_forgotten = forgotten = AsyncMock(return_value=False)
    infos = [
        SimpleNamespace(job=job, external_jobid="7", aux={"slurm_logfile": Path("log")})
        for job in (first, second)
    ]
    listed = {"7": ("COMPLETED", "rule_work")}
    ended = [asyncio.run(executor._has_ended(info, listed)) for info in infos]
    assert ended == [False, True]
    assert told == infos[1:]
    forgotten.assert_awaited_once_with(infos[0])
