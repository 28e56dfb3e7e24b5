"""What SLURM does to a run, and a user: each run survives, or ends within minutes with words."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.workflow.slurm.cluster import Cluster, ask, eventually
from tests.workflow.slurm.runs import ON_SLURM, run_id
from tests.workflow.tiny import environment

pytestmark = pytest.mark.slurm

# Each job says that it has started, and goes on when it is told to.
SNAKEFILE = """
from pathlib import Path
from microcalc.plan import snakemake_habits

if workflow.is_main_process:
    snakemake_habits.use_own_slurm_executor()

NUMBERS = [str(number) for number in range(int(config["jobs"]))]

rule all:
    input: [f"{name}-{number}.txt" for name in ("done", "more") for number in NUMBERS]

rule work:
    output: "done-{number}.txt", "more-{number}.txt"
    resources: mem_mb=lambda wildcards, attempt: 1000 * attempt
    shell:
        "echo >> started-{wildcards.number}; "
        "while [ ! -e go-{wildcards.number} ]; do sleep 0.1; done; "
        "for file in {output}; do echo whole > $file; done"
"""
PATIENCE = 240


@dataclass
class Head:
    """A run of the small workflow through SLURM."""

    folder: Path
    cluster: Cluster
    process: "subprocess.Popen[bytes]" = field(init=False)

    @property
    def console(self) -> str:
        return (self.folder / "console").read_text()

    @property
    def submitted(self) -> list[str]:
        """The number of each job that SLURM took and that the head knows of, in their order."""
        return re.findall(r"submitted with SLURM jobid (\d+)", self.console)

    def let_go(self, number: int) -> None:
        (self.folder / f"go-{number}").touch()

    def started(self, number: int, times: int = 1) -> None:
        """Wait until a job has begun its work, so many times."""
        path = self.folder / f"started-{number}"
        eventually(lambda: path.exists() and len(path.read_text()) >= times, 90, f"{path} {times}")

    def told(self, words: str, seconds: int = 150) -> None:
        eventually(lambda: words in self.console, seconds, f"{words!r} on the console")

    def ends_well(self) -> None:
        assert self.process.wait(PATIENCE) == 0, self.console
        for path in self.folder.glob("done-*.txt"):
            assert path.read_text() == "whole\n"

    def alive(self) -> list[dict[str, str]]:
        return [job for job in self.cluster.alive() if job["JobName"] == run_id(self.console)]

    def states(self) -> list[str]:
        return [job["JobState"] for job in self.cluster.jobs(run_id(self.console))]


@contextmanager
def head(
    cluster: Cluster, folder: Path, jobs: int, *arguments: str, programs: Path | None = None
) -> Iterator[Head]:
    """Start the small workflow; its head and its jobs do not outlive the block."""
    (folder / "Snakefile").write_text(SNAKEFILE)
    started = Head(folder, cluster)
    variables = environment()
    if programs is not None:
        variables["PATH"] = f"{programs}:{variables['PATH']}"
    with open(folder / "console", "wb") as console:
        started.process = subprocess.Popen(
            # Tests that were started in the background would hand down that Ctrl-C is ignored.
            [
                *("env", "--default-signal=INT", sys.executable, "-m", "snakemake"),
                *(*ON_SLURM, *arguments, "--config", f"jobs={jobs}"),
            ],
            stdout=console,
            stderr=subprocess.STDOUT,
            env=variables,
            cwd=folder,
            start_new_session=True,
        )
    try:
        yield started
    finally:
        started.process.kill()
        started.process.wait()
        for number in range(jobs):  # a controller that was killed may have lost a young job
            started.let_go(number)
        ask("scancel", f"--name={run_id(started.console)}")


@pytest.mark.parametrize("partition", ["cancelled", "requeued"])
def test_a_preempted_job_is_submitted_again_as_it_was(
    cluster: Cluster, tmp_path: Path, partition: str
) -> None:
    where = ("--default-resources", f"slurm_partition={partition}", "runtime=30")
    with head(cluster, tmp_path, 1, *where, "--retries", "0") as run:
        run.started(0)
        urgent = ("--partition=urgent", "--nodes=2", "--exclusive", "--wrap=sleep 300")
        number = ask("sbatch", "--parsable", "--output=/dev/null", *urgent).strip()
        run.told("SLURM preempted job")
        ask("scancel", number)
        run.started(0, times=2)
        run.let_go(0)
        run.ends_well()
        first, second = cluster.jobs(run_id(run.console))
    assert [first["JobState"], second["JobState"]] == ["PREEMPTED", "COMPLETED"]
    assert [first["MinMemoryNode"], second["MinMemoryNode"]] == ["1000M", "1000M"]


def test_a_head_that_slept_until_its_jobs_were_forgotten_finds_them_by_their_results(
    cluster: Cluster, tmp_path: Path
) -> None:
    with cluster.forgetful(2), head(cluster, tmp_path, 3) as run:
        for number in range(3):
            run.started(number)
        run.process.send_signal(signal.SIGSTOP)
        comments = {job["Comment"]: job["JobId"] for job in run.alive()}
        run.let_go(0)
        ask("scancel", comments["rule_work_wildcards_1"])
        jobs = [comments[f"rule_work_wildcards_{number}"] for number in (0, 1)]
        known = lambda: {job["JobId"] for job in cluster.jobs()}  # noqa: E731
        eventually(lambda: not known() & set(jobs), 150, "the controller to forget")
        run.process.send_signal(signal.SIGCONT)
        run.told(f"SLURM has forgotten job {jobs[0]} ")
        run.told(f"SLURM no longer knows job {jobs[1]},")
        run.started(1, times=2)
        run.let_go(1)
        run.let_go(2)
        run.ends_well()
        assert len(run.submitted) == 4
    assert len((tmp_path / "started-0").read_text()) == 1


def test_a_site_without_slurmdbd_is_told_so_and_served_whatever_it_asks_by(
    cluster: Cluster, tmp_path: Path
) -> None:
    assert subprocess.run(["sacct"], capture_output=True, check=False).returncode != 0
    with head(cluster, tmp_path, 1, "--slurm-status-command", "sacct") as run:
        run.let_go(0)
        run.ends_well()
        assert "keeps no accounts of its jobs (no slurmdbd)" in run.console
        assert "known for 7200 s after its end" in run.console


@pytest.fixture
def restored(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, whose controller is brought back to life afterwards."""
    yield cluster
    if cluster.daemons["slurmctld"].poll() is not None:
        cluster.start_controller()
    cluster.wait_until_idle()


def test_a_controller_that_comes_back_finds_the_run_waiting(
    restored: Cluster, tmp_path: Path
) -> None:
    with head(restored, tmp_path, 2) as run:
        run.started(0)
        run.started(1)
        restored.kill_controller()
        run.told("SLURM's controller does not answer")
        run.let_go(0)
        restored.start_controller()
        run.told("SLURM's controller answers again.")
        run.let_go(1)
        run.ends_well()
        assert run.states() == ["COMPLETED"] * 2


def test_a_job_that_no_controller_takes_is_submitted_when_one_comes_back(
    restored: Cluster, tmp_path: Path
) -> None:
    restored.kill_controller()
    with head(restored, tmp_path, 1, "--retries", "0") as run:
        run.let_go(0)
        run.told("did not take job rule_work_wildcards_0")
        restored.start_controller()
        run.ends_well()
        assert run.states() == ["COMPLETED"]


def test_a_controller_that_stays_away_ends_the_run_with_words(
    restored: Cluster, tmp_path: Path
) -> None:
    with head(restored, tmp_path, 1, "--slurm-status-attempts", "3") as run:
        run.started(0)
        restored.kill_controller()
        assert run.process.wait(PATIENCE) == 1
        assert "SLURM's controller has not answered for 18 s: this run ends." in run.console
        assert f"scancel --name={run_id(run.console)}" in run.console
        restored.start_controller()


SLOW = """#!/bin/sh
touch "$0.begun"
sleep {before}
/usr/bin/{program} "$@"
code=$?
touch "$0.answered"
sleep {after}
exit $code
"""


@pytest.mark.parametrize(
    ("program", "before", "after", "moment"),
    [("sbatch", 2, 0, "begun"), ("sbatch", 0, 2, "answered"), ("squeue", 2, 0, "begun")],
)
def test_no_job_survives_ctrl_c(
    cluster: Cluster, tmp_path: Path, program: str, before: int, after: int, moment: str
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    slow = programs / program
    slow.write_text(SLOW.format(program=program, before=before, after=after))
    slow.chmod(0o755)
    with head(cluster, tmp_path, 3, programs=programs) as run:
        path = programs / f"{program}.{moment}"
        eventually(path.exists, 60, str(path))
        # As a terminal sends it, to the whole group; and an impatient user twice.
        os.killpg(run.process.pid, signal.SIGINT)
        time.sleep(0.5)
        os.killpg(run.process.pid, signal.SIGINT)
        assert run.process.wait(PATIENCE) == 1, run.console
        assert run.alive() == []
        assert cluster.jobs(run_id(run.console))
        assert "Error in rule" not in run.console
