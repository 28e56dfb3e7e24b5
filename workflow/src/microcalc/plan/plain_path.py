"""Paths with braces in them, which Snakemake takes for wildcards and offers no way to write."""

import os
from pathlib import Path

from microcalc.core.files import digest_bytes
from microcalc.plan.snakemake_habits import FOLDER


def of(path: str | os.PathLike[str], folder: Path = FOLDER / "given") -> str:
    """Return a path to the same file or folder that Snakemake takes as it stands.

    Parameters
    ----------
    path
        Of a file or folder that rules read.
    folder
        Where links to paths with braces are made.

    Returns
    -------
    str
        The path itself; where it has braces, that of a link to it, whose last part is the same but
        for the braces.

    Examples
    --------
    >>> from microcalc.plan import plain_path
    >>> plain_path.of("studies/mine/cases.csv")
    'studies/mine/cases.csv'
    """
    text = os.fspath(path)
    if not set(text) & set("{}"):
        return text
    target = os.path.abspath(text)
    name = os.path.basename(target).replace("{", "_").replace("}", "_")
    link = folder / digest_bytes(target.encode())[:12] / name
    if not os.path.lexists(link):
        link.parent.mkdir(parents=True, exist_ok=True)
        temporary = link.with_name(f"{name}.{os.getpid()}")
        os.symlink(target, temporary)
        os.replace(temporary, link)
    return str(link)
