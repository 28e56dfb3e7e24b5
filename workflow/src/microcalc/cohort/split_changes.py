"""Who would change sets since the study's last results, told before it happens.

Planning reads this, so it imports the standard library alone.
"""

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from microcalc.cohort import split_file
from microcalc.cohort.split import SPLIT_WORDS, SPLITS, assign_splits
from microcalc.config.study_config import StudyConfig
from microcalc.core.errors import StudyError
from microcalc.core.files import read_json

CAUSES = ("seed", "cohort.development_centers", "cohort.train_fraction", "cohort.split_file")

Row = Mapping[str, Any]


def earlier(results: str | os.PathLike[str], cases: Iterable[Row]) -> dict[str, str]:
    """Return the split of each patient in the study's last results; nothing where there are none.

    What counts is the last run that measured something (`history/runs.json`), since its
    validation cases were seen; before there is one, the last table of eligible cases.

    Parameters
    ----------
    results
        The study's results.
    cases
        Rows of the case table with `case_id` and `patient_id`.

    Returns
    -------
    dict of str
        One of `SPLITS` by patient_id, of the patients in `cases` alone.
    """
    run = _last_run(results)
    seen = {case: str(row["split"]) for case, row in run["cases"].items()} if run else {}
    seen = seen or _eligible(results)
    return {case["patient_id"]: seen[case["case_id"]] for case in cases if case["case_id"] in seen}


def told(config: StudyConfig, results: str | os.PathLike[str], cases: Sequence[Row]) -> list[str]:
    """Return all that a person should know of the sets before they are made.

    Parameters
    ----------
    config
        The study's config.
    results
        The study's results.
    cases
        Rows of the case table: `case_id`, `patient_id`, `center`, and `split` where it has one.

    Returns
    -------
    list of str
        Lines for a person; empty where there is nothing to tell.

    Raises
    ------
    StudyError
        When the split file cannot be used, see `split_file.read`.
    """
    settings = config.cohort
    if not cases:
        return []
    if "split" in cases[0]:
        now = {case["case_id"]: case["split"] for case in cases}
        return _moves(results, cases, now, config)
    frozen = split_file.read(settings.split_file)
    now = assign_splits(
        cases,
        development_centers=settings.development_centers,
        train_fraction=settings.train_fraction,
        seed=config.seed,
        frozen=frozen,
    )
    return [
        *split_file.notices(frozen, cases, settings.development_centers),
        *_moves(results, cases, now, config),
    ]


def _moves(
    results: str | os.PathLike[str],
    cases: Sequence[Row],
    now: Mapping[str, str],
    config: StudyConfig,
) -> list[str]:
    """Return who would move between sets, from where to where, and how to keep them; or nothing."""
    before = earlier(results, cases)
    after = {case["patient_id"]: now[case["case_id"]] for case in cases}
    moves: dict[tuple[str, str], list[str]] = {}
    for patient, split in before.items():
        if after[patient] != split:
            moves.setdefault((split, after[patient]), []).append(patient)
    if not moves:
        return []
    count = sum(map(len, moves.values()))
    lines = [
        f"WARNING: {count} of {len(before)} patients change sets against the last results"
        f"{_when(results)}{_why(results, config)}:"
    ]
    for here in SPLITS:
        lines += [
            f"  - from {SPLIT_WORDS[here]} to {SPLIT_WORDS[there]}: {split_file.patients(moved)}"
            for there in SPLITS
            if (moved := moves.get((here, there)))
        ]
    if any(there == "train" for _, there in moves):
        lines.append("  Cases that validated, and whose results were seen, would train.")
    if not config.cohort.split_file and "split" not in cases[0]:
        lines.append(
            "  To leave everybody in place, set cohort.split_file to a file beside the case table "
            f"and write it with {split_file.COMMAND} before you run the study."
        )
    return lines


def _last_run(results: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the last recorded run; an empty one where none can be read."""
    try:
        runs = read_json(Path(results, "history", "runs.json"))
    except (FileNotFoundError, StudyError):
        return {}
    return dict(runs[-1]) if runs else {}


def _eligible(results: str | os.PathLike[str]) -> dict[str, str]:
    try:
        with open(Path(results, "cohort", "eligible.csv"), encoding="utf-8", newline="") as file:
            return {row["case_id"]: row["split"] for row in csv.DictReader(file)}
    except FileNotFoundError:
        return {}


def _when(results: str | os.PathLike[str]) -> str:
    time = str(_last_run(results).get("time", ""))
    return f" ({time[:10]})" if time else ""


def _why(results: str | os.PathLike[str], config: StudyConfig) -> str:
    """Return which settings that place patients differ from the last run's, where it noted them."""
    noted = _last_run(results).get("config", {})
    settings = config.cohort.plain()
    now = {"seed": config.seed} | {f"cohort.{name}": value for name, value in settings.items()}
    changed = [
        f"{name} was {_value(noted.get(name))} and is {_value(now[name])}"
        for name in CAUSES
        if noted and noted.get(name) != now[name]
    ]
    return f", since {'; '.join(changed)}" if changed else ""


def _value(setting: Any) -> str:
    if isinstance(setting, list):
        return ", ".join(map(str, setting)) or "empty"
    return "not set" if setting is None else str(setting)
