import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

RUN = (
    "from pathlib import Path; from microcalc.core import run_lock; "
    "print(run_lock.begin(Path('.snakemake/locks')), flush=True); "
)
JOB = "from microcalc.core import run_lock; run_lock.join(); print('at work', flush=True); "
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


def lock(folder: Path) -> Path:
    """Leave what Snakemake leaves in a folder where it works."""
    file = folder / ".snakemake" / "locks" / "0.output.lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("results/tiny/figures/flow.svg\n")
    return file


def killed(run: "subprocess.Popen[str]") -> None:
    run.kill()
    run.wait()


def test_what_a_killed_run_locked_is_unlocked(start: Start, tmp_path: Path) -> None:
    first = start(RUN + STAY)
    assert said(first) == "False"
    locked = lock(tmp_path)
    killed(first)
    assert said(start(RUN)) == "True"
    assert not locked.exists()


def test_a_run_at_work_keeps_its_lock(start: Start, tmp_path: Path) -> None:
    assert said(start(RUN + STAY)) == "False"
    locked = lock(tmp_path)
    assert said(start(RUN)) == "False"
    assert locked.exists()


def test_a_job_that_outlives_its_run_keeps_the_lock(start: Start, tmp_path: Path) -> None:
    run = start(RUN + STAY)
    said(run)
    job = start(JOB + STAY)
    assert said(job) == "at work"
    lock(tmp_path)
    killed(run)
    assert said(start(RUN)) == "False"
    killed(job)
    assert said(start(RUN)) == "True"


@pytest.mark.parametrize("left", ["another-machine", ""])
def test_another_machine_s_lock_is_not_ours_to_lift(
    start: Start, tmp_path: Path, left: str
) -> None:
    locked = lock(tmp_path)
    (tmp_path / ".snakemake" / "present").write_text(left)
    assert said(start(RUN)) == "False"
    assert locked.exists()


def test_a_run_whose_jobs_are_elsewhere_keeps_its_lock(start: Start, tmp_path: Path) -> None:
    run = start(RUN + "run_lock.sends_jobs_away(); print('sent', flush=True); " + STAY)
    assert [said(run), said(run)] == ["False", "sent"]
    locked = lock(tmp_path)
    killed(run)
    assert said(start(RUN)) == "False"
    locked.unlink()  # what --unlock does
    assert said(start(RUN + STAY)) == "False"


def test_a_job_of_no_run_leaves_nothing(start: Start, tmp_path: Path) -> None:
    assert said(start(JOB)) == "at work"
    assert list(tmp_path.iterdir()) == []
