"""The versions of what the study ran on."""

import platform
from importlib.metadata import PackageNotFoundError, version

import microcalc

LIBRARIES = (
    "snakemake", "torch", "torchvision", "numpy", "scipy", "pandas", "scikit-learn",
    "statsmodels", "firthmodels", "numba", "pymrmr", "pydicom", "pylibjpeg", "matplotlib",
)  # fmt: skip


def installed() -> dict[str, str]:
    """Return the versions of MicroCalc, Python and the libraries that results depend on."""
    found = {"microcalc": microcalc.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
