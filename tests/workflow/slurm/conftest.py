"""A cluster for the session, and the tiny study run through it."""

from collections.abc import Iterator

import pytest

from tests.workflow.slurm.cluster import Cluster, SlurmUnavailableError, running
from tests.workflow.slurm.runs import ON_SLURM, Run, ended
from tests.workflow.tiny import lay_out


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
