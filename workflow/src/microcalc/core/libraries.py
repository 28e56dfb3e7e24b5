"""The installed libraries: looked up without importing them, and asked for in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from microcalc.core.errors import StudyError


def installed_version(name: str) -> str:
    """Return the version of an installed library, or nothing where there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


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
