"""The tiny study, run for real by Snakemake once per session and copied for each test."""

import shutil
from pathlib import Path

import pytest

from tests.workflow.tiny import Study, lay_out


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The tiny study, finished on two cores. Copy it before changing anything: see `study`."""
    study = lay_out(tmp_path_factory.mktemp("finished"))
    study.snakemake()
    return study


@pytest.fixture
def study(finished: Study, tmp_path: Path) -> Study:
    """A finished tiny study of one's own, times of change included."""
    folder = tmp_path / "study"
    shutil.copytree(finished.folder, folder, symlinks=True)
    return Study(folder)
