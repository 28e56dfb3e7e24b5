"""What the benchmarks share: sides that take turns, programs watched from outside, verdicts."""

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

PAGE = os.sysconf("SC_PAGE_SIZE")
WATCH_S = 0.1

Side = TypeVar("Side")


class OwnClock(float):
    """The seconds that a side says it took, not counting the way to it."""


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return what `work` takes, by `clock` or, where it returns one, by its own."""
    start = clock()
    told = work()
    return told if isinstance(told, OwnClock) else clock() - start


def in_turn(sides: Sequence[Side], turn: int) -> Sequence[Side]:
    """Return the sides in the order of a turn: who begins changes from turn to turn."""
    return sides[:: -1 if turn % 2 else 1]


def take_turns(
    sides: Sequence[Callable[[], object]],
    *,
    turns: int,
    clock: Callable[[], float] = time.perf_counter,
) -> list[tuple[float, ...]]:
    """Return the seconds of every side in each turn; who begins changes from turn to turn."""
    found = []
    for turn in range(turns):
        order = in_turn(range(len(sides)), turn)
        taken = {place: seconds(sides[place], clock) for place in order}
        found.append(tuple(taken[place] for place in range(len(sides))))
    return found


def medians(turns: Sequence[Sequence[float]]) -> list[float]:
    """Return the median of each side."""
    return [statistics.median(side) for side in zip(*turns, strict=True)]


def ratio(turns: Sequence[Sequence[float]], of: int, to: int) -> float:
    """Return the median of the turns' own ratios.

    A machine that others use too is slow for all sides of a turn at once.
    """
    return statistics.median(turn[of] / turn[to] for turn in turns)


def turns_within(
    budget: float,
    sides: Sequence[Callable[[], object]],
    *,
    most: int,
    clock: Callable[[], float] = time.perf_counter,
) -> list[tuple[float, ...]]:
    """Return the turns that fit into so many seconds, one to `most`, after one not counted."""
    once = sum(take_turns(sides, turns=1, clock=clock)[0])
    return take_turns(sides, turns=max(1, min(most, int(budget / once))), clock=clock)


def verdict(met: bool) -> str:
    """Return what stands beside a goal."""
    return "met" if met else "MISSED"


@dataclass(frozen=True)
class Watched:
    """How a program went: seconds on the wall, and the most memory it held with all it started.

    Attributes
    ----------
    seconds
        From its start to its end.
    peak_gib
        The largest sum, at one moment, of its processes' own memory. Mapped files, which the
        kernel drops when memory runs short, do not count.
    output
        What it wrote to both streams.
    """

    seconds: float
    peak_gib: float
    output: str


def watch(command: Sequence[str], *, cwd: Path, env: dict[str, str] | None = None) -> Watched:
    """Run a program to its end and return how it went; it must end well.

    Raises
    ------
    RuntimeError
        With the end of what it wrote, when it fails.
    """
    peak = 0
    start = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        written: list[str] = []
        reader = threading.Thread(target=lambda: written.extend(process.stdout or ()))
        reader.start()
        try:
            while process.poll() is None:
                peak = max(peak, sum(map(_own_memory, _family(process.pid))))
                time.sleep(WATCH_S)
        except BaseException:  # the benchmark itself is being stopped
            process.terminate()
            raise
        taken = time.perf_counter() - start
        reader.join()
    output = "".join(written)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} ... failed:\n{output[-2000:]}")
    return Watched(taken, peak / 2**30, output)


def _family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        found.append(parent)
        try:
            tasks = list(Path(f"/proc/{parent}/task").iterdir())
            waiting += [int(n) for task in tasks for n in (task / "children").read_text().split()]
        except OSError:  # it has ended meanwhile
            continue
    return found


def _own_memory(pid: int) -> int:
    try:
        resident, shared = map(int, Path(f"/proc/{pid}/statm").read_text().split()[1:3])
        return (resident - shared) * PAGE
    except (OSError, ValueError):  # it has ended meanwhile
        return 0
