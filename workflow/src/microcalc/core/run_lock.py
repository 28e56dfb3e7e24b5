"""Run locks: who is at work on a study, so that what a killed run left locked can be unlocked.

Snakemake's own lock is a file that outlives its process: after a SIGKILL or a power cut it stays
until somebody asks for `--unlock`, which lifts the locks of every study in the folder. Here every
process at work on a study holds a lock of the operating system's, which ends with it, however it
ends.
"""

import fcntl
import json
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO

FOLDER = Path(".snakemake")

_held: list[IO[str]] = []
"""Open as long as this process lives."""


@dataclass(frozen=True)
class Holder:
    """The run that works, or worked last, on a study.

    Attributes
    ----------
    machine, process
        Where it runs, and its number there.
    since
        When it began.
    sends_jobs
        Whether its jobs may be at work on other machines, of which no lock here tells.
    """

    machine: str
    process: int
    since: str
    sends_jobs: bool = False

    def __str__(self) -> str:
        left = ", or jobs that it sent to the cluster" if self.sends_jobs else ""
        return f"process {self.process} on {self.machine}, since {self.since}{left}"


@dataclass(frozen=True)
class Beginning:
    """What a run finds when it begins.

    Attributes
    ----------
    has_unlocked
        Whether it lifted what a killed run had left locked.
    other
        The run that is at work on the same study already, where there is one and it is known.
    """

    has_unlocked: bool = False
    other: Holder | None = None


def file_of(study: str, folder: Path = FOLDER) -> Path:
    """Return the file by whose lock a study's processes know of each other."""
    return folder / f"at-work-{study}"


def results_of(path: str | os.PathLike[str]) -> Path | None:
    """Return the results of the study that a file is among; None where it is no result."""
    parts = Path(path).parts
    at = parts.index("results") + 1 if "results" in parts else len(parts)
    return Path(*parts[: at + 1]) if at < len(parts) else None


def study_of(path: str) -> str | None:
    """Return the study among whose results a file lies; None where it is no result."""
    results = results_of(path)
    return results.name if results else None


def begin(study: str, locks: Iterable[Path], folder: Path = FOLDER) -> Beginning:
    """Count this run among those at work on a study, and unlock what a killed run left.

    Parameters
    ----------
    study
        The study's name.
    locks
        Snakemake's lock files that name files of this study.
    folder
        Where this lock lies.

    Returns
    -------
    Beginning
        What was found there.

    Notes
    -----
    Snakemake's locks of the study are lifted where nobody at work on it is left and the last run
    was of this machine alone. Otherwise, and on a file system without locks, they are Snakemake's
    to judge.
    """
    try:
        folder.mkdir(exist_ok=True)
        file = open(file_of(study, folder), "a+", encoding="utf-8")  # noqa: SIM115  held to the end
    except OSError:  # a read-only folder, which is refused with a better sentence
        return Beginning()
    last = _read(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        _hold(file)
        return Beginning(other=last)
    left = list(locks)
    machine = socket.gethostname()
    unlocks = bool(left) and last is not None and last.machine == machine and not last.sends_jobs
    if unlocks:
        for lock in left:
            lock.unlink(missing_ok=True)
    if unlocks or not left:
        _write(file, Holder(machine, os.getpid(), f"{datetime.now():%-d %B %Y, %H:%M}"))
    _hold(file)
    return Beginning(has_unlocked=unlocks)


def sends_jobs_away() -> None:
    """Note that this run's jobs may outlive it where no lock of this machine tells of them."""
    for file in _held:
        holder = _read(file)
        if holder is not None:
            _write(file, replace(holder, sends_jobs=True))


def join(study: str, folder: Path = FOLDER) -> None:
    """Count this job among those at work on a study, where a run is: it may outlive the run."""
    try:
        file = open(file_of(study, folder), encoding="utf-8")  # noqa: SIM115  held to the end
    except OSError:  # called by no run
        return
    _hold(file)


def _hold(file: IO[str]) -> None:
    _held.append(file)
    # On a file system without locks nothing is ever unlocked by us.
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_SH)


def _read(file: IO[str]) -> Holder | None:
    """Return what a run wrote of itself; None where none did, or was cut short in it."""
    file.seek(0)
    try:
        return Holder(**json.loads(file.read()))
    except (ValueError, TypeError):
        return None


def _write(file: IO[str], holder: Holder) -> None:
    file.truncate(0)
    file.write(json.dumps(asdict(holder)))
    file.flush()
