"""A study killed outright, again and again, and two runs of it at once."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from microcalc.core.files import UNFINISHED
from tests.workflow.tiny import Study, different, lay_out, results

KILLS = 25
FIGURE = "results/tiny/figures/roc_external.svg"
PATIENCE = 300


@contextmanager
def running(study: Study, console: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Start Snakemake; when the block ends, its whole process group is killed."""
    run = study.start("--cores", "2", *arguments, console=console)
    try:
        yield run
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def wait_for(run: "subprocess.Popen[bytes]", so_far: Callable[[], bool]) -> None:
    """Wait until something is so, or the run is over."""
    deadline = time.monotonic() + PATIENCE
    while run.poll() is None and not so_far():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def altered(study: Study, expected: dict[str, bytes]) -> list[str]:
    """Return the results that are there, and are not what they should be; leftovers aside."""
    found = results(study)
    there = [name for name in found if UNFINISHED not in name]
    return [name for name in there if found[name] != expected.get(name)]


def test_a_second_run_is_refused_and_a_killed_one_resumed(study: Study, tmp_path: Path) -> None:
    expected, console = results(study), tmp_path / "console"
    with running(study, console, "--forcerun", "draw_evaluation", "--", FIGURE) as run:
        wait_for(run, lambda: "rule draw_evaluation:" in console.read_text())
        os.killpg(run.pid, signal.SIGSTOP)
        second = study.snakemake(FIGURE, check=False)
    assert second.returncode != 0
    assert "Another run is at work on the study tiny: process " in second.stderr
    assert "nothing needs unlocking" in second.stderr
    assert "--unlock" not in second.stderr
    assert "Traceback" not in second.stderr
    assert "its lock is lifted" in study.snakemake(FIGURE).stderr
    assert different(results(study), expected) == []


@pytest.mark.slow
def test_a_study_killed_at_any_moment_is_resumed_by_the_same_command(
    finished: Study, tmp_path: Path
) -> None:
    study, console = lay_out(tmp_path / "study"), tmp_path / "console"
    expected = results(finished)
    moments = random.Random(KILLS)
    rooms = set()
    for _ in range(KILLS):
        jobs, pause = moments.randrange(4), moments.uniform(0, 2)
        with running(study, console) as run:
            wait_for(run, lambda n=jobs: console.read_text().count("Finished jobid: ") >= n)
            time.sleep(pause)
            ended = run.poll()
        assert ended in (None, 0), console.read_text()
        assert altered(study, expected) == []
        rooms |= {path.name for path in study.results.glob("*")}
        if ended == 0:  # there are moments left to be killed in
            shutil.rmtree(study.results)
    study.snakemake()
    assert different(results(study), expected) == []
    assert rooms >= {"cohort", "images", "features", "selection", "models", "evaluation"}
