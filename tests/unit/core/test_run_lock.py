import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from microcalc.core import run_lock

RUN = (
    "from microcalc.core import run_lock; from microcalc.plan import snakemake_habits; "
    "found = run_lock.begin('{study}', snakemake_habits.locks_of('{study}')); "
    "print(found.has_unlocked, flush=True); "
)
TINY, OTHER = RUN.format(study="tiny"), RUN.format(study="other")
JOB = "from microcalc.core import run_lock; run_lock.join('tiny'); print('at work', flush=True); "
STAY = "input()"

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a program in a folder; return it when it has printed its first line."""
    with ExitStack() as stack:

        def start(program: str) -> "subprocess.Popen[str]":
            run = subprocess.Popen(
                [sys.executable, "-c", program],
                cwd=tmp_path,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(run.communicate)
            stack.callback(run.kill)
            return run

        yield start


def said(run: "subprocess.Popen[str]") -> str:
    assert run.stdout is not None
    return run.stdout.readline().strip()


def lock(folder: Path, study: str = "tiny", number: int = 0) -> Path:
    """Leave what Snakemake leaves in a folder where it works."""
    file = folder / ".snakemake" / "locks" / f"{number}.output.lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"results/{study}/figures/flow.svg\n")
    return file


def killed(run: "subprocess.Popen[str]") -> None:
    run.kill()
    run.wait()


def test_what_a_killed_run_locked_is_unlocked(start: Start, tmp_path: Path) -> None:
    first = start(TINY + STAY)
    assert said(first) == "False"
    locked = lock(tmp_path)
    killed(first)
    assert said(start(TINY)) == "True"
    assert not locked.exists()


def test_a_run_at_work_keeps_its_lock(start: Start, tmp_path: Path) -> None:
    assert said(start(TINY + STAY)) == "False"
    locked = lock(tmp_path)
    assert said(start(TINY)) == "False"
    assert locked.exists()


def test_a_job_that_outlives_its_run_keeps_the_lock(start: Start, tmp_path: Path) -> None:
    run = start(TINY + STAY)
    said(run)
    job = start(JOB + STAY)
    assert said(job) == "at work"
    lock(tmp_path)
    killed(run)
    assert said(start(TINY)) == "False"
    killed(job)
    assert said(start(TINY)) == "True"


@pytest.mark.parametrize(
    "left", [json.dumps({"machine": "elsewhere", "process": 1, "since": "today"}), "{", ""]
)
def test_another_machine_s_lock_is_not_ours_to_lift(
    start: Start, tmp_path: Path, left: str
) -> None:
    locked = lock(tmp_path)
    run_lock.file_of("tiny", tmp_path / ".snakemake").write_text(left)
    assert said(start(TINY)) == "False"
    assert locked.exists()


def test_a_run_whose_jobs_are_elsewhere_keeps_its_lock(start: Start, tmp_path: Path) -> None:
    run = start(TINY + "run_lock.sends_jobs_away(); print('sent', flush=True); " + STAY)
    assert [said(run), said(run)] == ["False", "sent"]
    locked = lock(tmp_path)
    killed(run)
    assert said(start(TINY)) == "False"
    locked.unlink()  # what --unlock does
    assert said(start(TINY + STAY)) == "False"


def test_a_killed_study_is_unlocked_beside_another_at_work(start: Start, tmp_path: Path) -> None:
    other = start(OTHER + STAY)
    assert said(other) == "False"
    kept = lock(tmp_path, "other")
    tiny = start(TINY + STAY)
    assert said(tiny) == "False"
    lifted = lock(tmp_path, number=1)
    killed(tiny)
    assert said(start(TINY)) == "True"
    assert kept.exists()
    assert not lifted.exists()


def test_a_second_run_is_told_of_the_first(start: Start, tmp_path: Path) -> None:
    first = start(TINY + STAY)
    said(first)
    second = start(TINY + "print(found.other, flush=True); " + STAY)
    assert said(second) == "False"
    told = said(second)
    assert told.startswith(f"process {first.pid} on {socket.gethostname()}, since ")
    assert said(start(OTHER + "print(found.other, flush=True)")) == "False"


@pytest.mark.parametrize(
    ("path", "study"),
    [
        ("results/tiny/logs/predict.log", "tiny"),
        ("theirs/results/tiny/logs/x/1.log", "tiny"),
        ("studies/mine/ingest.log", None),
        ("results", None),
    ],
)
def test_a_job_knows_its_study_by_its_log(path: str, study: str | None) -> None:
    assert run_lock.study_of(path) == study


def test_jobs_that_a_killed_run_left_in_the_queue_are_told_of(start: Start, tmp_path: Path) -> None:
    run = start(TINY + "run_lock.sends_jobs_away(); print('sent', flush=True); " + STAY)
    assert [said(run), said(run)] == ["False", "sent"]
    job = start(JOB + STAY)
    assert said(job) == "at work"
    killed(run)
    second = start(TINY + "print(found.other, flush=True)")
    assert said(second) == "False"
    assert said(second).endswith(", or jobs that it sent to the cluster")


def test_a_job_of_no_run_leaves_nothing(start: Start, tmp_path: Path) -> None:
    assert said(start(JOB)) == "at work"
    assert list(tmp_path.iterdir()) == []
