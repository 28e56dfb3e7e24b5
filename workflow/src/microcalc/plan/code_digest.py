"""Digests of code: a script and all it imports from this package, a folder of texts."""

import os
import re
from functools import cache
from pathlib import Path

from microcalc.core.files import digest_bytes, digest_file, digest_value

PACKAGE_ROOT = Path(__file__).parents[2]


# Every plan looks through the whole package, for which a parser takes three times as long.
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ ]+(microcalc[\w.]*)[ ]+import[ ]+(\([^)]*\)|.*)|import[ ]+(microcalc[\w.]*))",
    re.MULTILINE,
)


_NAME = re.compile(r"[A-Za-z_]\w*")


@cache
def code_digest(script: str) -> str:
    """Return a digest of a script and of all it imports from this package, at any depth.

    Snakemake tracks the text of a script but not of the modules behind it.
    """
    content = Path(script).read_bytes()
    seen = {Path(script).name: digest_bytes(content)}
    waiting = list(_imported_modules(content))
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen[module], imported = _of_module(module)
            waiting += imported
    return digest_value(seen)


@cache
def folder_digest(folder: str) -> str:
    """Return a digest of all files in a folder, at any depth, with their places in it."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return digest_value({path.relative_to(folder).as_posix(): digest_file(path) for path in files})


@cache
def _of_module(module: str) -> tuple[str, tuple[str, ...]]:
    """Return a module's digest and the modules it imports, read once for all scripts behind it."""
    content = (PACKAGE_ROOT / module).read_bytes()
    return digest_bytes(content), _imported_modules(content)


def _imported_modules(content: bytes) -> tuple[str, ...]:
    """Return the files of the imported modules and of their packages, relative to the root."""
    names: set[str] = set()
    for module, wanted, alone in _IMPORT.findall(content.decode("utf-8")):
        names.update(filter(None, (module, alone)))
        names.update(f"{module}.{name}" for name in _NAME.findall(wanted))
    packages = {name.rsplit(".", i)[0] for name in names for i in range(name.count(".") + 1)}
    found = (_module_file(name) for name in sorted(names | packages))
    return tuple(file for file in found if file)


@cache
def _module_file(name: str) -> str | None:
    path = name.replace(".", "/")
    candidates = [f"{path}.py", f"{path}/__init__.py"]
    return next((file for file in candidates if os.path.isfile(PACKAGE_ROOT / file)), None)
