"""Who is at work in a study's folder, so that what a killed run left locked can be unlocked.

Snakemake's own lock is a file that outlives its process: after a SIGKILL or a power cut it stays
until somebody asks for `--unlock`. Here every process at work holds a lock of the operating
system's, which ends with it, however it ends.
"""

import fcntl
import shutil
import socket
from pathlib import Path
from typing import IO

FOLDER = Path(".snakemake")
PRESENT = "present"
OTHER_MACHINES = "jobs on other machines"

_held: list[IO[str]] = []
"""Open as long as this process lives."""


def begin(locks: Path, folder: Path = FOLDER) -> bool:
    """Count this run among those at work in a folder; return whether it unlocked the folder.

    Parameters
    ----------
    locks
        Where Snakemake keeps its locks.
    folder
        Where this lock lies.

    Notes
    -----
    Snakemake's lock is lifted where nobody at work is left and the last run was of this machine
    alone. Otherwise, and on a file system without locks, it is Snakemake's to judge, which refuses
    to run beside another and tells of `--unlock`.
    """
    try:
        folder.mkdir(exist_ok=True)
        file = open(folder / PRESENT, "a+", encoding="utf-8")  # noqa: SIM115  held until the end
    except OSError:  # a read-only folder, which is refused with a better sentence
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        _hold(file)
        return False
    is_locked = locks.exists() and any(locks.iterdir())
    unlocked = is_locked and _read(file) == socket.gethostname()
    if unlocked:
        shutil.rmtree(locks)
    if not is_locked:
        _write(file, socket.gethostname())
    _hold(file)
    return unlocked


def sends_jobs_away() -> None:
    """Note that this run's jobs may outlive it where no lock of this machine tells of them."""
    for file in _held:
        _write(file, OTHER_MACHINES)


def join(folder: Path = FOLDER) -> None:
    """Count this job among those at work, where a run is: it may outlive the run."""
    try:
        file = open(folder / PRESENT, encoding="utf-8")  # noqa: SIM115  held until the end
    except OSError:  # called by no run
        return
    _hold(file)


def _hold(file: IO[str]) -> None:
    _held.append(file)
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
    except OSError:  # a file system without locks: nothing there is ever unlocked by us
        return


def _read(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _write(file: IO[str], text: str) -> None:
    file.truncate(0)
    file.write(text)
    file.flush()
