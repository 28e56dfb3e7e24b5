"""What goes wrong on clusters, made to go wrong: every time the study ends right all the same."""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.workflow.slurm.cluster import Cluster, eventually
from tests.workflow.slurm.runs import ON_SLURM, PROFILES, Run, ended, run_id
from tests.workflow.tiny import Study, different, results

pytestmark = pytest.mark.slurm

INCLUDED = "results/tiny/images/included.csv"
PATIENCE = 400


def without_shards(finished: Study, folder: Path, *shards: int) -> Study:
    """Return a finished study of one's own that lacks shards, and what is gathered of them."""
    shutil.copytree(finished.folder, folder, symlinks=True)
    study = Study(folder)
    for name in (*(f"shard-{shard}.npz" for shard in shards), "included.csv", "qc.csv"):
        (study.results / "images" / name).unlink()
    return study


@contextmanager
def started(study: Study, console: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Start Snakemake on the cluster; it does not outlive the block."""
    head = study.start(*ON_SLURM, *arguments, "--", INCLUDED, console=console)
    try:
        yield head
    finally:
        head.kill()
        head.wait()


def patches(shard: int) -> str:
    return f"rule_extract_patches_wildcards_{shard}"


def states(run: Run, comment: str) -> list[str]:
    return [job["JobState"] for job in run.of(comment)]


@pytest.fixture(scope="module")
def troubled(cluster: Cluster, finished: Study, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three shards: one's job is cancelled, one's exceeds its memory, one's hangs."""
    folder = tmp_path_factory.mktemp("troubled")
    study, console = without_shards(finished, folder / "study", 0, 1, 2), folder / "console"
    memory = '100 * attempt**4 if wildcards.shard == "1" else 2000 * attempt'
    minutes = 'attempt if wildcards.shard == "2" else 60 * attempt'
    arguments = (
        *("--set-resources", f"extract_patches:mem_mb={memory}"),
        f"extract_patches:runtime={minutes}",
    )
    with started(study, console, *arguments) as head:
        cancelled = cluster.held(patches(0), "extract_patches")["JobId"]
        subprocess.run(["scancel", cancelled], check=True)
        cluster.held(patches(2), "extract_patches")
        assert head.wait(PATIENCE) == 0, console.read_text()
    return ended(cluster, study, console.read_text())


def test_a_cancelled_job_is_done_again(troubled: Run) -> None:
    assert states(troubled, patches(0)) == ["CANCELLED", "COMPLETED"]


def test_a_job_over_its_memory_comes_back_with_more(troubled: Run) -> None:
    first, second = troubled.of(patches(1))
    assert first["JobState"] in ("OUT_OF_MEMORY", "FAILED")
    log = troubled.study.folder / ".snakemake/slurm_logs/rule_extract_patches/1"
    assert "memory" in (log / f"{first['JobId']}.log").read_text()
    assert second["JobState"] == "COMPLETED"
    assert [job["MinMemoryNode"] for job in (first, second)] == ["100M", "1600M"]


def test_a_job_over_its_time_comes_back_with_more(troubled: Run) -> None:
    assert states(troubled, patches(2)) == ["TIMEOUT", "COMPLETED"]
    assert [job["TimeLimit"] for job in troubled.of(patches(2))] == ["00:01:00", "00:02:00"]


def test_the_study_ends_right_after_all_three(troubled: Run, finished: Study) -> None:
    assert different(results(troubled.study), results(finished)) == []


@pytest.fixture
def mortal(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, whose dead nodes are brought back to life afterwards."""
    yield cluster
    for name, daemon in list(cluster.daemons.items()):
        if daemon.poll() is not None:
            cluster.start_node(name)
    cluster.wait_until_idle()


def test_a_job_is_done_again_elsewhere_when_its_node_dies(
    mortal: Cluster, finished: Study, tmp_path: Path
) -> None:
    study, console = without_shards(finished, tmp_path / "study", 0), tmp_path / "console"
    with started(study, console) as head:
        node = mortal.held(patches(0), "extract_patches")["NodeList"]
        mortal.kill_node(node)
        assert head.wait(PATIENCE) == 0, console.read_text()
    first, second = ended(mortal, study, console.read_text()).of(patches(0))
    assert (first["JobState"], second["JobState"]) == ("NODE_FAIL", "COMPLETED")
    assert first["NodeList"] == node != second["NodeList"]
    assert different(results(study), results(finished)) == []


def documented(heading: str) -> list[str]:
    """Return the commands that the profiles' README gives under a heading."""
    text = (PROFILES / "README.md").read_text()
    section = re.search(rf"^#+ {heading}$(.*?)(?=^#|\Z)", text, re.M | re.S)
    assert section, heading
    commands = re.search(r"^```sh\n(.*?)^```", section[1], re.M | re.S)
    assert commands, heading
    return commands[1].splitlines()


def test_the_documented_recovery_from_a_killed_head_ends_right(
    cluster: Cluster, finished: Study, tmp_path: Path
) -> None:
    study, console = without_shards(finished, tmp_path / "study", 0, 1, 2), tmp_path / "console"
    with started(study, console) as head:
        held = cluster.held(patches(1), "extract_patches")
        head.send_signal(signal.SIGKILL)
    killed = run_id(console.read_text())
    assert "--unlock" in study.snakemake(*ON_SLURM, INCLUDED, cores=None, check=False).stderr
    # The others may have ended by now, or not have been submitted when the head was killed.
    assert held["JobId"] in [job["JobId"] for job in cluster.alive()]
    assert {job["JobName"] for job in cluster.alive()} == {killed}

    *sweep, unlock, again = documented("The head process was killed")
    subprocess.run(["bash", "-ec", "\n".join(sweep)], cwd=study.folder, check=True, timeout=120)
    assert cluster.alive() == []
    assert unlock == f"{again} --unlock"
    study.snakemake(*ON_SLURM, "--unlock", cores=None)
    done = study.snakemake(*ON_SLURM, INCLUDED, cores=None)
    run = ended(cluster, study, done.stderr)
    assert {job["JobState"] for job in run.jobs} == {"COMPLETED"}
    assert len({job["Comment"] for job in run.jobs}) == len(run.jobs)
    assert different(results(study), results(finished)) == []


def test_ctrl_c_takes_the_jobs_along_and_leaves_no_lock(
    cluster: Cluster, finished: Study, tmp_path: Path
) -> None:
    study, console = without_shards(finished, tmp_path / "study", 0), tmp_path / "console"
    with started(study, console) as head:
        cluster.held(patches(0), "extract_patches")
        head.send_signal(signal.SIGINT)
        assert head.wait(PATIENCE) != 0
    eventually(lambda: not cluster.alive(), 30, "the job to end")
    assert "locked" not in study.snakemake("--dry-run", INCLUDED).stderr


def test_a_job_that_fails_for_good_stops_only_what_depends_on_it(
    cluster: Cluster, finished: Study, tmp_path: Path
) -> None:
    study = without_shards(finished, tmp_path / "study", 0)
    (study.folder / "weights.pth").write_bytes(b"no weights")
    stated = {"preprocessing": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}
    file = {"weights": "weights.pth", **stated}
    study.configure(lambda config: config["features"]["deep"].update(file))
    old = results(finished)
    done = study.snakemake(
        *ON_SLURM, INCLUDED, "results/tiny/features/deep/features.parquet", cores=None, check=False
    )
    assert done.returncode != 0
    run = ended(cluster, study, done.stderr)
    attempts = run.of_rule("prepare_weights")
    assert [job["JobState"] for job in attempts] == ["FAILED"] * 3
    assert [job["MinMemoryNode"] for job in attempts] == ["4000M", "8000M", "12000M"]
    assert states(run, patches(0)) == ["COMPLETED"]
    assert run.of_rule("extract_features") == []
    assert different(results(study), old) == ["features/deep/weights/resnet18.safetensors"]
    log = "results/tiny/logs/prepare_weights/deep-resnet18.log"
    assert log in done.stderr
    assert (study.folder / log).read_text().splitlines()[-1] in done.stderr
