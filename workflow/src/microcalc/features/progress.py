"""Progress display: a line that moves on a terminal, plain lines in a log."""

import logging
import sys
import time
from collections.abc import Callable
from typing import TextIO

log = logging.getLogger(__name__)


class Progress:
    """Call it with the number of images done.

    On a terminal it rewrites one line at most five times a second; in the log it adds a line at
    most every `every_s` seconds, so that a short job's log has none.
    """

    def __init__(
        self,
        total: int,
        *,
        label: str,
        every_s: float = 30.0,
        terminal: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._label, self._every_s, self._clock = total, label, every_s, clock
        stream = sys.stderr if terminal is None else terminal
        self._terminal = stream if stream.isatty() else None
        self._start = self._logged = clock()
        self._shown = -1.0

    def __call__(self, done: int) -> None:
        """Say that `done` images are done, if it is time to say so."""
        now = self._clock()
        if self._terminal is not None and (now - self._shown >= 0.2 or done == self._total):
            self._shown = now
            end = "\n" if done == self._total else ""
            self._terminal.write(f"\r\x1b[K{self._line(done, now)}{end}")
            self._terminal.flush()
        if now - self._logged >= self._every_s:
            self._logged = now
            log.info("%s", self._line(done, now))

    def after(self, before: int) -> Callable[[int], None]:
        """Return a display for a part of the images.

        Parameters
        ----------
        before
            How many images were done when the part began.

        Returns
        -------
        callable
            To be called with how many of the part are done.
        """
        return lambda done: self(before + done)

    def _line(self, done: int, now: float) -> str:
        rate = done / max(now - self._start, 1e-9)
        left = (self._total - done) / max(rate, 1e-9)
        return f"{self._label}: {done} of {self._total} images, {rate:.1f}/s, {_clock(left)} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
