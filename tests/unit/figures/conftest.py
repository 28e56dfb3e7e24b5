import importlib
import sys
from pathlib import Path

import pytest

from microcalc.core.files import read_csv


@pytest.fixture(scope="session")
def fake():
    """The module that invents studies, as a dictionary of its names."""
    sys.path.insert(0, str(Path(__file__).parent))
    return vars(importlib.import_module("fake_study"))


@pytest.fixture(scope="session")
def study(files):
    """Tables of an ordinary study by name."""
    return _tables(files["ordinary"])


@pytest.fixture(scope="session")
def tiny(files):
    """A study whose validation sets are tiny, one of a single class."""
    return _tables(files["tiny"])


@pytest.fixture(scope="session")
def nothing(files):
    """A study in which the LASSO keeps nothing."""
    return _tables(files["nothing"])


def _tables(paths):
    return {name: read_csv(path) for name, path in paths.items() if str(path).endswith(".csv")}


@pytest.fixture(scope="session")
def files(fake, tmp_path_factory):
    """The files of an ordinary study, one of tiny sets, and one whose LASSO keeps nothing."""
    options = {
        "ordinary": {},
        "tiny": {"sizes": fake["TINY"]},
        "nothing": {"nothing_selected": True},
    }
    return {
        name: fake["make"](tmp_path_factory.mktemp(name), **option)
        for name, option in options.items()
    }
