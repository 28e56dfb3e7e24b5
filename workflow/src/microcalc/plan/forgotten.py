"""What Snakemake does not know of a study's results, by their provenance records.

Snakemake makes a result again when the params, the code or the inputs of its job have changed
since. It knows so from its folder `.snakemake`: results that were moved or restored without that
folder are kept whatever has changed. And a result that was deleted is not missed, as long as what
was made from it is there.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from microcalc.core import job_records
from microcalc.core.errors import StudyError
from microcalc.core.files import digest_file
from microcalc.core.job_records import Record
from microcalc.plan import snakemake_habits

FIRST = "cohort/eligible.csv"
"""The first file of every study's results, and of every cohort that models are applied to."""


@dataclass(frozen=True)
class Planned:
    """A job as it would be today.

    Attributes
    ----------
    settings, code
        As `job_records.Job` has them.
    inputs
        Files by role, without those whose change makes no job anew (`ancient`).
    """

    settings: str
    code: str
    inputs: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, params: Any, inputs: Mapping[str, Sequence[str]]) -> Self:
        """Return the job that has these params, as Snakemake gives them, and inputs."""
        known = dict(params.items())
        return cls(job_records.settings_digest(known), str(known.get("code", "")), inputs)


def refuse(results: Path, rules: Any) -> None:
    """Refuse to keep results that Snakemake has forgotten and that would be made otherwise today.

    Parameters
    ----------
    results
        The study's results.
    rules
        Snakemake's `rules`, when every rule has been read.

    Raises
    ------
    StudyError
        Listing the rules and what has changed, with the command that makes them anew.
    """
    _refuse_unrecorded(results)
    changed: dict[str, str] = {}
    for _, record in job_records.records(results):
        path = _first_output(record, results)
        if path is not None and not snakemake_habits.has_record(path):
            job = snakemake_habits.job_of(rules, record.rule, path)
            what = _changes(record, Planned.of(*job), results) if job else ""
            if what:
                changed.setdefault(record.rule, what)
    if changed:
        raise StudyError.listing(
            f"{results}: these results were made from something else than what is there now, and "
            "Snakemake would keep them, since what it knew of them is gone: its folder .snakemake "
            "was not moved, restored or kept with them. Restore what they were made from, or make "
            "them anew, with all that stands on them, by adding to the same command\n"
            f"  --forcerun {' '.join(changed)}\n"
            "Patches and features of images that are the same are taken over all the same",
            [f"{rule}: {what}" for rule, what in changed.items()],
        )


def _refuse_unrecorded(results: Path) -> None:
    """Refuse a study of which neither Snakemake nor a record knows how it was made."""
    first = str(results / FIRST)
    is_known = snakemake_habits.has_record(first) or job_records.recorded_content(first)
    if os.path.exists(first) and not is_known:
        raise StudyError(
            f"{results}: neither Snakemake nor a provenance record knows what these results were "
            "made from; they were made by an earlier version, or moved without the folders "
            ".snakemake and provenance. Add --forceall to the same command, once: patches and "
            "features of images that are the same are taken over all the same"
        )


def missing(results: Path, rules: Any) -> list[str]:
    """Return the results that a job left, that are gone, and that a job of today would make.

    Parameters
    ----------
    results
        The study's results.
    rules
        Snakemake's `rules`, when every rule has been read.

    Returns
    -------
    list of str
        Their paths. Patches and features may be deleted to make room: not they, but what is made
        from them, is what a study is for.
    """
    return sorted(
        path
        for _, record in job_records.records(results)
        for path in (str(results / name) for name in record.outputs if _is_kept(name))
        if not (record.is_temporary or os.path.exists(path))
        and snakemake_habits.makes(rules, record.rule, path)
    )


def _is_kept(name: str) -> bool:
    return not name.startswith(("simulate/", "images/", "features/"))


def _first_output(record: Record, results: Path) -> str | None:
    """Return an output that is there; where none is, it is made without being asked for."""
    paths = (str(results / path) for path in record.outputs)
    return next((path for path in paths if os.path.exists(path)), None)


def _changes(record: Record, job: Planned, results: Path) -> str:
    """Return what is not as it was when a job left its record, in words."""
    found = ["its settings"] if record.settings != job.settings else []
    found += ["the code"] if record.code != job.code else []
    for role, paths in job.inputs.items():
        own = [path for path in paths if Path(path).is_relative_to(results)]
        for path in own:
            content = job_records.recorded_content(path)
            name = Path(path).relative_to(results).as_posix()
            if content is not None and record.inputs.get(name, content.sha256) != content.sha256:
                found.append(name)
        theirs = [path for path in paths if path not in own and os.path.isfile(path)]
        if theirs and [digest_file(path) for path in theirs] != record.given.get(role):
            found.append(f"the file given as `{role}`")
    return ", ".join(found)
