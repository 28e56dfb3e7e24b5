"""How long each rule took, from what Snakemake measured (`benchmark:` of every rule)."""

import csv
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunTime:
    """What the jobs of one rule took, each the last time it ran.

    Attributes
    ----------
    jobs
        Number of jobs.
    total_s, longest_s
        Wall-clock seconds of all of them together, and of the longest.
    memory_mb
        Most memory that one of them held, in MiB; NaN when every job ended before it was measured.
    """

    jobs: int
    total_s: float
    longest_s: float
    memory_mb: float


def read(folder: str | os.PathLike[str]) -> dict[str, RunTime]:
    """Return the run times by rule.

    Parameters
    ----------
    folder
        `history/times`, which holds `<rule>.tsv` and `<rule>/<wildcards>.tsv`. A folder that is
        not there, as after a run of an older version, gives no times.
    """
    root = Path(folder)
    by_rule: dict[str, list[tuple[float, float]]] = {}
    for path in sorted(root.rglob("*.tsv")):
        rule = path.relative_to(root).parts[0].removesuffix(".tsv")
        by_rule.setdefault(rule, []).extend(_measured(path))
    return {rule: _together(jobs) for rule, jobs in sorted(by_rule.items()) if jobs}


def by_room(
    times: Mapping[str, RunTime], rooms: Mapping[str, Iterable[str]]
) -> dict[str, dict[str, RunTime]]:
    """Return the run times by room and rule, rules by name; what was not measured is left out.

    Parameters
    ----------
    times
        See `read`. A rule that no room has, as one that was renamed, is left out too.
    rooms
        The rules of each room, rooms in their order.
    """
    found = {
        room: {rule: times[rule] for rule in sorted(rules) if rule in times}
        for room, rules in rooms.items()
    }
    return {room: rules for room, rules in found.items() if rules}


def _measured(path: Path) -> list[tuple[float, float]]:
    with open(path, encoding="utf-8", newline="") as file:
        return [
            (float(row["s"]), _number(row["max_rss"]))
            for row in csv.DictReader(file, delimiter="\t")
        ]


def _number(text: str) -> float:
    """Return a measurement; a job too short to be measured has "-" or "NA"."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _together(jobs: Iterable[tuple[float, float]]) -> RunTime:
    seconds, memory = zip(*jobs, strict=True)
    known = [value for value in memory if value > 0]
    return RunTime(len(seconds), sum(seconds), max(seconds), max(known, default=math.nan))


def spoken(seconds: float) -> str:
    """Return a duration in seconds for people.

    Examples
    --------
    >>> from microcalc.report import run_times
    >>> [run_times.spoken(seconds) for seconds in (0.84, 42, 185, 7800)]
    ['0.8 s', '42 s', '3 min 5 s', '2 h 10 min']
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
