"""Logging for scripts: a failed job's log ends in one sentence that says what to do."""

import errno
import logging
import os
import signal
import sys
import traceback
from types import FrameType, TracebackType

from microcalc.core import gc_tuning, run_lock
from microcalc.core.errors import StudyError


def start(log_path: str) -> logging.Logger:
    """Send the package's log to a file and end it, on failure, in one readable sentence.

    The sentence goes to standard error too, so that it stands on Snakemake's console. A
    StudyError is a message to the user and needs no traceback; anything else keeps its own.
    A job that is told to end, by a time limit or a cancellation, says so and tidies up.

    Parameters
    ----------
    log_path
        The job's log, replaced. Where it lies among a study's results the job counts among those at
        work on the study, see `run_lock`.

    Returns
    -------
    logging.Logger
        The package's. This changes the process: its exception hook, the handler of SIGTERM, where
        warnings go, and how memory is collected.
    """
    gc_tuning.tune()
    study = run_lock.study_of(log_path)
    if study is not None:
        run_lock.join(study)
    handler = logging.FileHandler(log_path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("microcalc")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # of a log on a full disk: the console must stay readable
    logging.getLogger("py.warnings").handlers = [handler]

    def report(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, StudyError):
            logger.error("".join(traceback.format_exception(kind, error, trace)))
        sentence = f"{kind.__name__}: {error}{_advice(error)}"
        logger.error(sentence)
        print(f"{sentence}\nSee {log_path}", file=sys.stderr)

    sys.excepthook = report
    signal.signal(signal.SIGTERM, _end)
    return logger


def _advice(error: BaseException) -> str:
    """Return what to do where the disk is full; libraries raise errors of their own kinds then."""
    if os.strerror(errno.ENOSPC) not in str(error):
        return ""
    return "; the disk is full: make room and run the same command again, what is done is kept"


def _end(number: int, frame: FrameType | None) -> None:
    raise StudyError(
        "the job was told to end before it was done: it was cancelled, or its time was over; "
        "run the same command again"
    )
