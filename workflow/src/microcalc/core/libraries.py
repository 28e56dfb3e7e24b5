"""The installed libraries: looked up without importing them, and asked for in words."""

import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

import microcalc
from microcalc.core.errors import StudyError

LIBRARIES = (
    "snakemake", "torch", "torchvision", "numpy", "scipy", "pandas", "scikit-learn",
    "statsmodels", "firthmodels", "numba", "pymrmr", "pydicom", "pylibjpeg", "matplotlib",
)  # fmt: skip
"""Those that results depend on."""


def installed_version(name: str) -> str:
    """Return the version of an installed library, or nothing where there is none."""
    return _installed().get(_normal(name), "")


def versions() -> dict[str, str]:
    """Return the versions of MicroCalc, Python and `LIBRARIES`; "not installed" of what is not."""
    ours = {"microcalc": microcalc.__version__, "python": platform.python_version()}
    return ours | {name: installed_version(name) or "not installed" for name in LIBRARIES}


@cache
def _installed() -> Mapping[str, str]:
    """Return the version of every installed library, by the names of their folders.

    Importing `importlib.metadata` takes ten times as long, in every job.
    """
    found: dict[str, str] = {}
    for folder in sys.path:
        names = os.listdir(folder) if os.path.isdir(folder) else []
        for name in sorted(names):
            if match := _DIST_INFO.fullmatch(name):
                found.setdefault(_normal(match["name"]), match["version"])
    return found


_DIST_INFO = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info")


def _normal(name: str) -> str:
    """Return a library's name as all ways of writing it are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@contextmanager
def from_extra(extra: str) -> Iterator[None]:
    """Import inside the block what `pip install microcalc` alone does not bring.

    Parameters
    ----------
    extra
        The extra of pyproject.toml that brings it.

    Raises
    ------
    StudyError
        When a library is missing, with the command that installs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise StudyError(
            f"{error.name} is not installed, and this needs it; "
            f"it comes with `pip install 'microcalc[{extra}]'`"
        ) from error
