"""Run history: `history/runs.json`, what a run gave, kept for the next one.

Time stamps stand here and nowhere else among the results.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microcalc.config.study_config import StudyConfig
from microcalc.core.errors import StudyError
from microcalc.core.files import read_json, write_json
from microcalc.report import format as fmt
from microcalc.report.study import shown

if TYPE_CHECKING:
    import pandas as pd

KEPT = 2
MEASURES = ("auc", "sensitivity", "specificity", "accuracy", "ppv", "npv", "threshold")
_SET = ("split", "kind", "model", "n_neg", "n_pos")


def describe(
    metrics: "pd.DataFrame",
    cases: "pd.DataFrame",
    *,
    config: StudyConfig,
    inputs: Mapping[str, str],
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """Return what is kept of a run, as JSON-like values.

    Parameters
    ----------
    metrics
        `evaluation/metrics.csv`.
    cases
        `images/included.csv`.
    config
        The whole config.
    inputs
        Their digests by name, see `inputs.describe`.
    versions
        Libraries and their versions.
    """
    rows = metrics[[name for name in (*_SET, *MEASURES) if name in metrics]]
    return {
        "config": _flat(shown(config)),
        "inputs": dict(inputs),
        "versions": dict(versions),
        "cases": {
            row["case_id"]: {name: row[name] for name in ("split", "label", "status")}
            for row in cases.to_dict("records")
        },
        "metrics": [
            {name: None if fmt.missing(value) else value for name, value in row.items()}
            for row in rows.to_dict("records")
        ],
    }


def record(run: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Put a run at the end of the file, unless it is what the last one was.

    The file keeps the last two runs that differ. One that cannot be read counts as empty.

    Parameters
    ----------
    run
        See `describe`; the time is added here.
    path
        `history/runs.json`.
    """
    earlier = _earlier(path)
    same = bool(earlier) and {**earlier[-1], "time": ""} == {**run, "time": ""}
    now = datetime.now(UTC).isoformat(timespec="minutes")
    write_json(earlier if same else [*earlier, {**run, "time": now}][-KEPT:], path)


def _earlier(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    try:
        return list(read_json(path)) if Path(path).exists() else []
    except StudyError:
        return []


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Return nested settings by their dotted names."""
    if not isinstance(value, Mapping):
        return {name: value}
    flat: dict[str, Any] = {}
    for key, entry in value.items():
        flat |= _flat(entry, f"{name}.{key}" if name else str(key))
    return flat
