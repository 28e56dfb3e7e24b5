"""What was made under other settings, where Snakemake's own memory of it is gone.

Snakemake makes a result again when the params, the code or the inputs of its job have changed
since. It knows so from its folder `.snakemake`: results that were moved or restored without that
folder are kept whatever has changed. What it was to know stands in the provenance records too.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from microcalc.core import job_records
from microcalc.core.errors import StudyError
from microcalc.core.files import digest_file
from microcalc.core.job_records import Record
from microcalc.plan.snakemake_habits import has_record


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


def refuse(results: Path, planned: Callable[[str, str], Planned | None]) -> None:
    """Refuse to keep results that Snakemake has forgotten and that would be made otherwise today.

    Parameters
    ----------
    results
        The study's results.
    planned
        Gives a rule's job by the rule's name and one of the job's outputs; None where there is no
        such job any more.

    Raises
    ------
    StudyError
        Listing the rules and what has changed, with the command that makes them anew.
    """
    changed: dict[str, str] = {}
    for _, record in job_records.records(results):
        path = _first_output(record, results)
        if path is not None and not has_record(path):
            job = planned(record.rule, path)
            what = _changes(record, job, results) if job else ""
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
