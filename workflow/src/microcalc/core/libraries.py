"""The installed libraries, looked up without importing them."""

from importlib.metadata import PackageNotFoundError, version


def installed_version(name: str) -> str:
    """Return the version of an installed library, or nothing where there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
