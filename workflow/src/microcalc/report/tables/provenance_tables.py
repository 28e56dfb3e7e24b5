"""Tables that say how results came about: what every rule took, digests of all inputs."""

from microcalc.report import format as fmt
from microcalc.report import run_times
from microcalc.report.grid import Row, Table
from microcalc.report.run_times import RunTime
from microcalc.report.study import Study


def rule_times(study: Study) -> Table:
    """Return what every rule took, room by room, from the study's `times`."""
    rows = []
    for room, rules in study.times.items():
        rows.append(Row((room.capitalize(),), "group"))
        rows += [Row((rule, *_took(time))) for rule, time in rules.items()]
    return Table(("Rule", "Jobs", "Time", "Longest job", "Memory, MB"), tuple(rows))


def _took(time: RunTime) -> tuple[str, ...]:
    memory = fmt.NOT_AVAILABLE if fmt.missing(time.memory_mb) else fmt.count(time.memory_mb)
    spoken = (run_times.spoken(seconds) for seconds in (time.total_s, time.longest_s))
    return (fmt.count(time.jobs), *spoken, memory)


def digests(study: Study) -> Table:
    """Return the SHA-256 of everything that the study was made from, by the document `inputs`."""
    found = study.documents["inputs"]["digests"].items()
    rows = [Row((name[:1].upper() + name[1:], digest)) for name, digest in found]
    return Table(("Input", "SHA-256"), tuple(rows))
