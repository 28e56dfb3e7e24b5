"""What changed since the last run: inputs, config, cases, measures before and after."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from microcalc.figures import number_format
from microcalc.figures.number_format import label as model_label
from microcalc.report import format as fmt
from microcalc.report.grid import Row, Table
from microcalc.report.history import MEASURES
from microcalc.report.study import JUDGED, Study

MOST_NAMED = 8
Run = Mapping[str, Any]
Rows = Mapping[tuple[str, str], Run]


@dataclass(frozen=True)
class Changes:
    """What is told of two runs.

    Attributes
    ----------
    before, now
        When they were recorded, for people: `2 March 2026, 09:30 UTC`.
    sentences
        What changed, the causes before the cases.
    """

    before: str
    now: str
    sentences: tuple[str, ...]


def of_study(study: Study) -> Changes | None:
    """Return what changed since the last run that differed; None when there was none.

    It compares the two runs of the document `runs`, see `history`.
    """
    runs = study.documents.get("runs", [])
    if len(runs) < 2:
        return None
    before, now = runs
    told = [
        *_inputs(before["inputs"], now["inputs"]),
        *_settings("Config", before["config"], now["config"]),
        *_settings("Versions", before["versions"], now["versions"]),
        *_cases(before["cases"], now["cases"]),
    ]
    told = told or ["Inputs, config, versions and cases are the same."]
    if not measures(study).rows:
        told.append("No measure changed.")
    return Changes(_when(before), _when(now), tuple(told))


def measures(study: Study) -> Table:
    """Return the measures that differ between the last two runs, before and after, set by set.

    It compares the runs of the document `runs` by the kind of prediction each set is judged by.
    """
    runs = study.documents["runs"]
    before, now = (_judged(run["metrics"]) for run in (runs[0], runs[-1]))
    rows: list[Row] = []
    for split in JUDGED:
        models = dict.fromkeys(model for place, model in (*now, *before) if place == split)
        lines = [
            line
            for model in models
            for line in _differences(model, before.get((split, model)), now.get((split, model)))
        ]
        if lines:
            rows += [Row((_set(study, split, before, now),), "group"), *lines]
    return Table(("Model and measure", "Before", "Now", "Change"), tuple(rows))


def _judged(metrics: Sequence[Run]) -> Rows:
    return {
        (row["split"], row["model"]): row for row in metrics if row["kind"] == JUDGED[row["split"]]
    }


def _differences(model: str, before: Run | None, now: Run | None) -> Iterator[Row]:
    for name in MEASURES:
        old, new = (None if run is None else run.get(name) for run in (before, now))
        if old == new:
            continue
        change = None if old is None or new is None else new - old
        cells = (fmt.NOT_AVAILABLE if v is None else fmt.number(v, 3) for v in (old, new, change))
        yield Row((f"{model_label(model)}, {number_format.MEASURES[name]}", *cells))


def _set(study: Study, split: str, before: Rows, now: Rows) -> str:
    sizes = [
        next(
            (
                fmt.counts(row["n_neg"], row["n_pos"], study.labels)
                for (place, _), row in run.items()
                if place == split
            ),
            "not there",
        )
        for run in (now, before)
    ]
    told = sizes[0] if sizes[0] == sizes[1] else f"{sizes[0]}; before: {sizes[1]}"
    return (
        f"{number_format.split_label(split)}{', out-of-fold' if split == 'train' else ''} ({told})"
    )


def _inputs(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    # The config's own digest says nothing that its keys do not.
    names = [
        name
        for name in dict.fromkeys((*now, *before))
        if before.get(name) != now.get(name) and not name.startswith("config")
    ]
    return [f"Changed inputs: {'; '.join(names)}."] if names else []


def _settings(what: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    changed = [
        f"{name} {_value(before, name)} → {_value(now, name)}"
        for name in dict.fromkeys((*now, *before))
        if before.get(name) != now.get(name)
    ]
    return [f"{what}: {_some(changed)}."] if changed else []


def _value(settings: Mapping[str, Any], name: str) -> str:
    value = settings.get(name, "not set")
    if isinstance(value, float):
        return f"{value:.15g}"
    return "none" if value is None else str(value)


def _cases(before: Mapping[str, Run], now: Mapping[str, Run]) -> list[str]:
    came, left = sorted(now.keys() - before.keys()), sorted(before.keys() - now.keys())
    told = []
    if came:
        told.append(f"{_plural(len(came))} came: {_some(came)}.")
    if left:
        told.append(f"{_plural(len(left))} left: {_some(left)}.")
    verbs = {"split": "moved", "label": "changed label", "status": "changed status"}
    for name, verb in verbs.items():
        moved = [
            f"{case} ({before[case][name]} → {now[case][name]})"
            for case in sorted(now.keys() & before.keys())
            if before[case][name] != now[case][name]
        ]
        if moved:
            told.append(f"{_plural(len(moved))} {verb}: {_some(moved)}.")
    return told


def _plural(n: int) -> str:
    return f"{n:,} {'case' if n == 1 else 'cases'}"


def _some(names: Sequence[str]) -> str:
    told = ", ".join(names[:MOST_NAMED])
    return told + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def _when(run: Run) -> str:
    return f"{datetime.fromisoformat(run['time']):%-d %B %Y, %H:%M} UTC"
