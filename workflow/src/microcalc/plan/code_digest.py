"""Digests of code: a script and all it imports from this package, a folder of texts."""

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
    seen: dict[str, str] = {}
    waiting = [Path(script)]
    while waiting:
        path = waiting.pop()
        name = path.name if str(path) == script else path.relative_to(PACKAGE_ROOT).as_posix()
        if name not in seen:
            content = path.read_bytes()
            seen[name] = digest_bytes(content)
            waiting += _imported_modules(content)
    return digest_value(seen)


@cache
def folder_digest(folder: str) -> str:
    """Return a digest of all files in a folder, at any depth, with their places in it."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return digest_value({path.relative_to(folder).as_posix(): digest_file(path) for path in files})


@cache
def _imported_modules(content: bytes) -> tuple[Path, ...]:
    names: set[str] = set()
    for module, wanted, alone in _IMPORT.findall(content.decode("utf-8")):
        names.update(filter(None, (module, alone)))
        names.update(f"{module}.{name}" for name in _NAME.findall(wanted))
    packages = {name.rsplit(".", i)[0] for name in names for i in range(name.count(".") + 1)}
    return tuple(
        path for name in sorted(names | packages) if (path := _module_file(name)) is not None
    )


def _module_file(name: str) -> Path | None:
    base = PACKAGE_ROOT.joinpath(*name.split("."))
    candidates = [base.with_suffix(".py"), base / "__init__.py"]
    return next((path for path in candidates if path.is_file()), None)
