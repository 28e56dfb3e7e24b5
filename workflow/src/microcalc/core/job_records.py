"""Provenance records: what each job made, and from what.

Every job leaves two kinds of small files under `results/<study>/provenance`. Its record,
`jobs/<rule>/<job>.json`, holds its rule, the digests of its code and of its settings, what it read,
what it wrote, and the versions of the libraries. `files/<path>.json` says of each file that it
wrote its size and SHA-256, and which job wrote it, so that whoever reads the file next can tell
whether it is still the same. A file of the user's is known by its role and its digest, an image by
its `image_id`: no record holds a path outside the study's results, a time, or a machine's name.
"""

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from microcalc.core import logs, run_lock
from microcalc.core.errors import StudyError
from microcalc.core.files import Content, content_of, digest_value, read_json, write_json
from microcalc.core.libraries import versions

FOLDER = "provenance"
"""Where a study's records lie under its results."""

FORMAT = 1
"""The version of what a record holds."""

NO_SETTINGS = frozenset(
    {
        *("cases", "images", "image_folder", "split_file", "phantoms", "path"),
        *("folder", "results", "schemas", "templates", "times", "checkpoints"),
        *("digest", "files", "code", "planned"),
    }
)
"""Params that say where something lies, or what is recorded by itself, and keys in params.

Results that are moved together with all that they were made from are made with the same settings.
"""

MEMORY = "history/"
"""Results that hold times and differ from run to run: no job's record holds their digests."""


def begin(snakemake: Any) -> "Job":
    """Begin a rule's job: start its log, and make sure of what it is given.

    Parameters
    ----------
    snakemake
        What Snakemake gives a script under this name.

    Returns
    -------
    Job
        To leave its record at the end.

    Raises
    ------
    StudyError
        When a result that the job is to read is not as its own job left it, or when one of the
        user's tables is not that of the plan.
    """
    logs.start(snakemake.log[0])
    job = Job.of(snakemake)
    job.refuse_altered()
    job.discard_altered()
    return job


@dataclass(frozen=True)
class Job:
    """A job of one rule, from its beginning.

    Attributes
    ----------
    root
        The study's results; None for a job that belongs to no study, which leaves no record.
    name
        The rule, and where it has several jobs which of them: "extract_patches/0".
    rule, code, settings
        The rule's name and the digests of its code and of its params, see `NO_SETTINGS`.
    planned
        Digest of each table of the user's that the job was planned with, by its role.
    inputs, outputs
        Files by role, as Snakemake names them.
    found
        Content of each input, and its state when the job began, by path; filled by
        `refuse_altered`.
    """

    root: Path | None
    name: str
    rule: str
    code: str
    settings: str
    planned: Mapping[str, str]
    inputs: Mapping[str, Sequence[str]]
    outputs: Sequence[str]
    found: "dict[str, tuple[Content, State | None]]" = field(default_factory=dict)

    @classmethod
    def of(cls, snakemake: Any) -> "Job":
        """Return the job that a script is given as `snakemake`."""
        log = Path(snakemake.log[0])
        root = _root_of(log)
        params = dict(snakemake.params.items())
        name = log.stem if root is None else _posix(log, root / "logs").removesuffix(".log")
        return cls(
            root=root,
            name=name,
            rule=name.split("/")[0],
            code=str(params.get("code", "")),
            settings=settings_digest(params),
            planned=params.get("planned", {}),
            inputs=by_role(snakemake.input),
            outputs=[str(path) for path in snakemake.output],
        )

    def refuse_altered(self) -> None:
        """Note what every input holds; refuse one that is not what the job is to read.

        Raises
        ------
        StudyError
            As `begin`.
        """
        for path in (path for paths in self.inputs.values() for path in paths):
            if path not in self.found and os.path.isfile(path):
                state = _state(path)
                self.found[path] = (content_of(path), state)
                self._refuse(path, self.found[path][0])
        for role, digest in self.planned.items():
            if self._digests(self.inputs.get(role, ())) != [digest]:
                raise StudyError(
                    f"the table `{role}` was changed after this job was planned, so that it was "
                    "not started; run the same command again, which plans with what is there now"
                )

    def _refuse(self, path: str, content: Content) -> None:
        recorded = recorded_content(path)
        if recorded is None and self._is_result(path):
            raise StudyError(
                f"{path}: no provenance record says which job made it; it was put there by hand, "
                "or its record was lost. Delete it and run the same command again; where all "
                "records were lost, add --forceall"
            )
        if recorded is not None and recorded != content:
            advice = (
                "delete it and run the same command again, which makes it anew"
                if self._is_result(path)
                else "restore it as the study that made it left it"
            )
            raise StudyError(f"{path}: {_difference(content, recorded)}; {advice}")

    def discard_altered(self) -> None:
        """Delete what the job would bring up to date and is not as the job left it.

        A memory is not made anew: the register and the list of runs look after themselves.
        """
        for path in self.outputs:
            recorded = recorded_content(path) if os.path.isfile(path) else None
            if recorded is None or _is_memory(path, self.root):
                continue
            if recorded != content_of(path):
                os.unlink(path)
                sentence = f"{path}: not as its job left it, so that nothing in it is kept"
                logging.getLogger(__name__).warning(sentence)
                sys.stderr.write(f"{sentence}\n")

    def _is_result(self, path: str) -> bool:
        return self.root is not None and Path(path).is_relative_to(self.root)

    def _digests(self, paths: Sequence[str]) -> list[str]:
        return [self.found[path][0].sha256 for path in paths if path in self.found]

    def digest_of(self, path: str) -> str:
        """Return the SHA-256 of an input, as it was when the job began."""
        return self.found[path][0].sha256

    def leave_record(
        self,
        *,
        images: Mapping[str, str] | None = None,
        files: Sequence[str] = (),
        is_temporary: bool = False,
    ) -> None:
        """Write what the job made, and from what; the last thing that it does.

        Parameters
        ----------
        images
            Digest of each image that was read, by its `image_id`.
        files
            Results that the job wrote beside its declared outputs.
        is_temporary
            Whether its rule declares them `temp`.

        Raises
        ------
        StudyError
            When an input was changed while the job was at work.
        """
        if self.root is None:
            return
        self._refuse_changed_since()
        results = sorted({*self.outputs, *files})
        contents = {_posix(path, self.root): content_of(path) for path in results}
        for path, content in contents.items():
            about = {"job": self.name, **content.plain()}
            write_json(about, self.root / FOLDER / "files" / f"{path}.json")
        record = Record(
            self.rule,
            self.code,
            self.settings,
            versions=versions(),
            inputs=self._results_read(),
            given=self._given(),
            images=dict(sorted((images or {}).items())),
            outputs={
                path: None if path.startswith(MEMORY) else content
                for path, content in contents.items()
            },
            is_temporary=is_temporary,
        )
        write_json(record.plain(), self.root / FOLDER / "jobs" / f"{self.name}.json")

    def _refuse_changed_since(self) -> None:
        changed = [path for path, (_, state) in self.found.items() if _state(path) != state]
        for role, paths in self.inputs.items():
            if any(path in changed for path in paths):
                named = next(path for path in paths if path in changed)
                what = named if self._is_result(named) else f"the file given as `{role}`"
                raise StudyError(
                    f"{what}: changed while this job was reading it, so that what the job made "
                    "was not kept; run the same command again"
                )

    def _results_read(self) -> dict[str, str]:
        """Return the digest of each result of the study that was read, by its path in it."""
        return {
            _posix(path, self.root): content.sha256
            for path, (content, _) in sorted(self.found.items())
            if self._is_result(path) and not _is_memory(path, self.root)
        }

    def _given(self) -> dict[str, list[str]]:
        """Return the digests of the other files that were read, by their role."""
        given = {
            role: self._digests([path for path in paths if not self._is_result(path)])
            for role, paths in self.inputs.items()
        }
        return {role: digests for role, digests in sorted(given.items()) if digests}


@dataclass(frozen=True)
class Record:
    """What a job left of itself.

    Attributes
    ----------
    rule, code, settings
        As those of `Job`.
    versions
        Of the libraries.
    inputs
        Digest of each result that was read, by its path among the study's results.
    given
        Digests of the other files that were read, by their role.
    images
        Digest of each image that was read, by its `image_id`.
    outputs
        Content of each file that was written, by its path; None of a memory, see `MEMORY`.
    is_temporary
        Whether these are deleted as soon as every job that reads them has.
    """

    rule: str
    code: str
    settings: str
    versions: Mapping[str, str]
    inputs: Mapping[str, str]
    given: Mapping[str, Sequence[str]]
    images: Mapping[str, str]
    outputs: Mapping[str, Content | None]
    is_temporary: bool = False

    def plain(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        outputs = {path: about and about.plain() for path, about in self.outputs.items()}
        return {"format": FORMAT, **vars(self), "outputs": outputs}

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Record":
        """Return the record in a file.

        Parameters
        ----------
        path
            As `Job.leave_record` wrote it.

        Raises
        ------
        StudyError
            When it holds none, or that of another version.
        """
        value = read_json(path)
        try:
            if value.pop("format") != FORMAT:
                raise ValueError
            outputs = value.pop("outputs").items()
            contents = {name: about and Content.of(about, path) for name, about in outputs}
            return cls(**value, outputs=contents)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise StudyError(
                f"{path}: no record of a job, as this version writes them; delete it and what the "
                "job made, and run the same command again"
            ) from None


State = tuple[int, int, int]
"""Size, time of change and number of a file: another after anybody has written it."""


def recorded_content(path: str | os.PathLike[str]) -> Content | None:
    """Return what a result held when its job had written it; None where no record says.

    Parameters
    ----------
    path
        A file. Its record lies in the folder `provenance` of the nearest folder above it that has
        one, also where a study's results were copied to another place.

    Raises
    ------
    StudyError
        When the record is damaged.
    """
    file = Path(path)
    for folder in file.parents:
        record = folder / FOLDER / "files" / f"{_posix(file, folder)}.json"
        if record.is_file():
            return Content.of(read_json(record), record)
    return None


def _difference(content: Content, recorded: Content) -> str:
    """Return how a result is not as its job left it, in words."""
    if content.size != recorded.size:
        how = f"it has {content.size:,} bytes and had {recorded.size:,}"
    else:
        how = f"its SHA-256 begins with {content.sha256[:12]} and did with {recorded.sha256[:12]}"
    return f"not as the job that made it left it: {how}. It was cut, edited or swapped"


def settings_digest(params: Mapping[str, Any]) -> str:
    """Return a digest of a job's params, without what `NO_SETTINGS` names."""
    return digest_value(_settings(params))


def _settings(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            str(name): _settings(inner)
            for name, inner in value.items()
            if name not in NO_SETTINGS or isinstance(inner, Mapping)
        }
    if isinstance(value, str | int | float | bool | None):
        return value
    return [_settings(inner) for inner in value]


def by_role(files: Any) -> dict[str, list[str]]:
    """Return a job's files by the names that its rule gives them, others as "input".

    Parameters
    ----------
    files
        Snakemake's `input`: a sequence, some of whose places or slices have names.
    """
    named = {name: _listed(paths) for name, paths in files.items()}
    taken = {path for paths in named.values() for path in paths}
    rest = [str(path) for path in files if str(path) not in taken]
    return {**named, **({"input": rest} if rest else {})}


def _listed(paths: Any) -> list[str]:
    one = isinstance(paths, str | os.PathLike)
    return [str(paths)] if one else [str(path) for path in paths]


def records(root: str | os.PathLike[str]) -> Iterator[tuple[str, Record]]:
    """Yield each job's name and its record, of all jobs that left one, sorted by name.

    Parameters
    ----------
    root
        A study's results.

    Raises
    ------
    StudyError
        When a record is damaged.
    """
    folder = Path(root) / FOLDER / "jobs"
    for path in sorted(folder.rglob("*.json")):
        yield _posix(path, folder).removesuffix(".json"), Record.read(path)


def _root_of(log: Path) -> Path | None:
    """Return the results of the study that a log belongs to; None where it is of none."""
    root = run_lock.results_of(log)
    return root if root is not None and log.is_relative_to(root / "logs") else None


def _is_memory(path: str, root: Path | None) -> bool:
    return root is not None and Path(path).is_relative_to(root / MEMORY)


def _posix(path: str | os.PathLike[str], root: Path | None) -> str:
    """Return where a file lies below `root`, also where one is absolute and the other is not."""
    file, folder = Path(path), Path(root or "")
    if not file.is_relative_to(folder):
        file, folder = file.resolve(), folder.resolve()
    return file.relative_to(folder).as_posix()


def _state(path: str) -> State | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
