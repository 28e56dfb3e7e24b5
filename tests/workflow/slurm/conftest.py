"""A cluster for the session, and the tiny study run through it."""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from microcalc.images.stored_digest import MEMBER
from tests.workflow.slurm.cluster import Cluster, SlurmUnavailableError, running
from tests.workflow.tiny import ROOT, Study, lay_out

PROFILES = ROOT / "workflow" / "profiles"
# The profile as it is, but for its patience, which is measured for clusters of many nodes.
ON_SLURM = (
    *("--workflow-profile", str(PROFILES / "slurm")),
    *("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "5"),
)
RULE = re.compile(r"rule_(\w+?)(?:_wildcards_.*)?")
RUN = re.compile(r"SLURM run ID: (\S+)")


@dataclass(frozen=True)
class Run:
    """What became of a run of Snakemake: its study, its console, its jobs as SLURM tells them."""

    study: Study
    console: str
    jobs: list[dict[str, str]]

    def of(self, comment: str) -> list[dict[str, str]]:
        return [job for job in self.jobs if job["Comment"] == comment]

    @property
    def rules(self) -> list[str]:
        return [RULE.fullmatch(job["Comment"])[1] for job in self.jobs]  # type: ignore[index]


def ended(cluster: Cluster, study: Study, console: str) -> Run:
    return Run(study, console, cluster.jobs(run_id(console)))


def run_id(console: str) -> str:
    return RUN.findall(console)[-1]


def results(study: Study) -> dict[str, bytes]:
    """Return every file of the study's results but logs, a shard by its members.

    Not the digest in a shard: it holds the times of change of the files it was made from.
    """
    found: dict[str, bytes] = {}
    for path in sorted(study.results.rglob("*")):
        name = path.relative_to(study.results).as_posix()
        if path.is_dir() or name.startswith("logs/"):
            continue
        if re.fullmatch(r"images/shard-\d+\.npz", name):
            with zipfile.ZipFile(path) as archive:
                for member in set(archive.namelist()) - {MEMBER}:
                    found[f"{name}/{member}"] = archive.read(member)
        else:
            found[name] = path.read_bytes()
    return found


def different(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Return the names of files that are not in both with the same bytes."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    try:
        with running() as started:
            yield started
    except SlurmUnavailableError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def submitted(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The tiny study, run from nothing through SLURM."""
    study = lay_out(tmp_path_factory.mktemp("submitted"))
    done = study.snakemake(*ON_SLURM, cores=None)
    return ended(cluster, study, done.stderr)
