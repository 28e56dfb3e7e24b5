"""The tiny study, run for real by Snakemake once per session and copied for each test."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from tests.workflow.tiny import Study, lay_out

FillOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def shared(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, Callable[[Path], None]], Path]:
    """Return a folder that the first of pytest's processes to ask for it fills for all of them."""
    base = tmp_path_factory.getbasetemp()
    common = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def fill_once(name: str, fill: Callable[[Path], None]) -> Path:
        folder, done = common / name, common / f"{name}.done"
        with FileLock(common / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder

    return fill_once


@pytest.fixture(scope="session")
def finished(shared: FillOnce) -> Study:
    """The tiny study, finished on two cores. Copy it before changing anything: see `study`."""
    return Study(shared("finished", lambda folder: lay_out(folder).snakemake() and None))


@pytest.fixture
def study(finished: Study, tmp_path: Path) -> Study:
    """A finished tiny study of one's own, times of change included."""
    folder = tmp_path / "study"
    shutil.copytree(finished.folder, folder, symlinks=True)
    return Study(folder)
