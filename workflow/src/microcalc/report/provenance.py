"""Tables that say where results come from: what every rule took, digests of all inputs."""

from microcalc.report import format as fmt
from microcalc.report import run_times
from microcalc.report.grid import Row, Table
from microcalc.report.run_times import RunTime
from microcalc.report.study import Study


def rule_times(study: Study) -> Table:
    """Return what every rule took, room by room, and whose results it takes."""
    rows = []
    for room, rules in study.graph.rooms.items() if study.graph else ():
        rows.append(Row((room.capitalize(),), "group"))
        for rule, sources in rules.items():
            time = study.graph.times.get(rule) if study.graph else None
            rows.append(Row((rule, *_took(time), ", ".join(sources) or "–")))
    return Table(("Rule", "Jobs", "Time", "Longest job", "Memory, MB", "Takes from"), tuple(rows))


def _took(time: RunTime | None) -> tuple[str, ...]:
    if time is None:
        return (fmt.NOT_AVAILABLE,) * 4
    memory = fmt.NOT_AVAILABLE if fmt.missing(time.memory_mb) else fmt.count(time.memory_mb)
    spoken = (run_times.spoken(seconds) for seconds in (time.total_s, time.longest_s))
    return (fmt.count(time.jobs), *spoken, memory)


def digests(study: Study) -> Table:
    """Return the digest of everything that the study was made from."""
    found = study.documents["inputs"]["digests"].items()
    rows = [Row((name[:1].upper() + name[1:], digest)) for name, digest in found]
    return Table(("Input", "SHA-256"), tuple(rows))
