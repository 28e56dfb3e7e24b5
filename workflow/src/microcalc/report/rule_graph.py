"""The picture of the rules: which of them takes results from which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from microcalc.report import run_times
from microcalc.report.run_times import RunTime

Rooms = Mapping[str, Mapping[str, Sequence[str]]]

COLUMN, WIDTH, ROW, HEIGHT, TOP = 142, 126, 42, 32, 30
STYLE = (
    "text{font:600 10px system-ui,'Segoe UI','DejaVu Sans',Arial,sans-serif;fill:#1b1f24}"
    ".room{font-size:12px}.jobs{font-weight:400;font-size:9px;fill:#57606a}"
    "rect{fill:#fff;stroke:#57606a}path{fill:none;stroke:#8c959f}"
)


@dataclass(frozen=True)
class Graph:
    """The rules that a study used.

    Attributes
    ----------
    rooms
        Rules by room, left to right; a rule's sources are rules that are there too.
    times
        Run times of the rules that were measured.
    """

    rooms: Rooms
    times: Mapping[str, RunTime]

    def arrows(self) -> list[tuple[str, str]]:
        """Return (source, rule) without the arrows that a longer way implies."""
        sources = {
            rule: set(given) for rules in self.rooms.values() for rule, given in rules.items()
        }
        behind: dict[str, set[str]] = {}
        for rule in sources:
            _all_behind(rule, sources, behind)
        return [
            (source, rule)
            for rule, given in sources.items()
            for source in sorted(given)
            if not any(source in behind[other] for other in given)
        ]


def of_study(rooms: Rooms, times: Mapping[str, RunTime], always: Sequence[str]) -> Graph:
    """Return the graph of the rules that ran, of which `times` speaks, and of those in `always`.

    Without any times, as after a run of an older version, every rule is shown.
    """
    every = {rule for rules in rooms.values() for rule in rules}
    used = (times.keys() | set(always)) if times else every
    kept = {
        room: {
            rule: tuple(name for name in given if name in used)
            for rule, given in rules.items()
            if rule in used
        }
        for room, rules in rooms.items()
    }
    return Graph({room: rules for room, rules in kept.items() if rules}, times)


def draw(graph: Graph) -> str:
    """Return the picture as SVG: a column per room, a box per rule, arrows as thin lines."""
    most = max(len(rules) for rules in graph.rooms.values())
    across, down = COLUMN * len(graph.rooms), TOP + ROW * most
    places = {
        rule: (column * COLUMN + 8, TOP + ROW * (row + (most - len(rules)) / 2))
        for column, rules in enumerate(graph.rooms.values())
        for row, rule in enumerate(rules)
    }
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {down}" '
        f'width="{across}" height="{down}"><style>{STYLE}</style>',
        *(_arrow(places[source], places[rule]) for source, rule in graph.arrows()),
        *(
            f'<text class="room" x="{column * COLUMN + 8}" y="16">{escape(room)}</text>'
            for column, room in enumerate(graph.rooms)
        ),
        *(_box(rule, place, graph.times.get(rule)) for rule, place in places.items()),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _all_behind(rule: str, sources: Mapping[str, set[str]], known: dict[str, set[str]]) -> set[str]:
    if rule not in known:
        given = sources[rule]
        known[rule] = given.union(*(_all_behind(source, sources, known) for source in given))
    return known[rule]


def _box(rule: str, place: tuple[float, float], time: RunTime | None) -> str:
    x, y = place
    text = ""
    if time:
        jobs = "" if time.jobs == 1 else f"{time.jobs} jobs, "
        text = (
            f'<text class="jobs" x="{x + 6:g}" y="{y + 25:g}">'
            f"{jobs}{run_times.spoken(time.total_s)}</text>"
        )
    name_at = y + (13 if time else 20)
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="4"/>'
        f'<text x="{x + 6:g}" y="{name_at:g}">{escape(rule)}</text>{text}'
    )


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    """Return a line to the next columns, or down along the left edge within a room."""
    (x0, y0), (x1, y1) = (start[0], start[1] + HEIGHT / 2), (end[0], end[1] + HEIGHT / 2)
    if x0 == x1:
        return f'<path d="M{x0:g} {y0:g}C{x0 - 9:g} {y0:g} {x0 - 9:g} {y1:g} {x1:g} {y1:g}"/>'
    x0 += WIDTH
    middle = (x0 + x1) / 2
    return f'<path d="M{x0:g} {y0:g}C{middle:g} {y0:g} {middle:g} {y1:g} {x1:g} {y1:g}"/>'
