"""The versions of what the study ran on."""

import platform

import microcalc
from microcalc.core.libraries import installed_version

LIBRARIES = (
    "snakemake", "torch", "torchvision", "numpy", "scipy", "pandas", "scikit-learn",
    "statsmodels", "firthmodels", "numba", "pymrmr", "pydicom", "pylibjpeg", "matplotlib",
)  # fmt: skip


def installed() -> dict[str, str]:
    """Return the versions of MicroCalc, Python and the libraries that results depend on."""
    ours = {"microcalc": microcalc.__version__, "python": platform.python_version()}
    return ours | {name: installed_version(name) or "not installed" for name in LIBRARIES}
