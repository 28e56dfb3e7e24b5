"""Writing and reading results: every file appears whole or not at all."""

import hashlib
import io
import json
import math
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from microcalc.core import spreadsheet
from microcalc.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

UNFINISHED = ".writing-"
"""How the name of every file begins that is still being written."""

TEXT_COLUMNS = (
    *("case_id", "patient_id", "image_id", "center", "split", "label", "status", "reason"),
    "detail",
    *("room", "view", "laterality", "model", "kind", "variable", "level"),
    *("case_value", "stands_in", "seen", "called"),
)


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes
    ----------
    sha256
        64 hexadecimal digits.
    size
        In bytes.
    """

    sha256: str
    size: int

    def plain(self) -> dict[str, Any]:
        """Return it as JSON holds it, see `of`."""
        return {"sha256": self.sha256, "bytes": self.size}

    @classmethod
    def of(cls, value: Any, path: str | os.PathLike[str]) -> Self:
        """Return what JSON holds of a file's content.

        Parameters
        ----------
        value
            As `plain` returns it.
        path
            Where it was read.

        Raises
        ------
        StudyError
            Naming `path`, when it is anything else.
        """
        try:
            return cls(str(value["sha256"]), int(value["bytes"]))
        except (KeyError, TypeError, ValueError):
            raise StudyError(
                f"{path}: damaged, it says no file's content; delete it and the file that it is "
                "about, and run the same command again"
            ) from None


_written: dict[str, tuple[tuple[int, int], Content]] = {}
"""Of files that this process wrote by `atomic_file`: size and time of change, and content."""


def content_of(path: str | os.PathLike[str]) -> Content:
    """Return what a file holds; one that `atomic_file` has just written is not read for it.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    found = os.stat(path)
    known = _written.get(os.path.abspath(path))
    if known is not None and known[0] == (found.st_size, found.st_mtime_ns):
        return known[1]
    return Content(digest_file(path), found.st_size)


class DigestedFile(io.RawIOBase):
    """A file that is written from its beginning to its end, and digested on the way."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file, self._digest, self._size = file, hashlib.sha256(), 0

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any, /) -> int:
        """Append bytes, and return how many."""
        self._digest.update(data)
        count = self._file.write(data)
        self._size += count
        return count

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._size

    @property
    def content(self) -> Content:
        """What was written."""
        return Content(self._digest.hexdigest(), self._size)


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[DigestedFile]:
    """Yield a file to write from beginning to end, which becomes `path` when the block succeeds.

    As `atomic_path`, for what is too large to be read again for its digest, see `content_of`.
    """
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        digested = DigestedFile(file)
        yield digested
        file.flush()
        found = os.stat(temporary)
        _written[os.path.abspath(path)] = (found.st_size, found.st_mtime_ns), digested.content


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` when the block succeeds.

    A reader, or a second job that writes the same file, therefore never meets half a file.
    The temporary name keeps the suffix of `path`, since many writers choose a format by it. Folders
    that are not there are made; when the block raises, `path` stays as it was.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from microcalc.core.files import atomic_path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_path(Path(folder, "new", "a.txt")) as temporary:
    ...         written = temporary.write_text("done")
    ...     Path(folder, "new", "a.txt").read_text()
    'done'
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=UNFINISHED, suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def sweep_up(folder: str | os.PathLike[str]) -> None:
    """Delete what writers that were killed left unfinished in `folder`, at any depth."""
    for path in sorted(Path(folder).rglob(f"{UNFINISHED}*")):
        path.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def write_text(text: str, path: str | os.PathLike[str]) -> None:
    """Write `text` as UTF-8 with Unix line ends, the file replaced as a whole (`atomic_path`)."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(value: Any, path: str | os.PathLike[str]) -> None:
    """Write `value` as indented JSON; a float reads back as the same double.

    Parameters
    ----------
    value
        JSON-like, with finite numbers.
    path
        The file.

    Raises
    ------
    ValueError
        When a number is NaN or infinite.
    """
    write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", path)


def read_json(path: str | os.PathLike[str]) -> Any:
    """Return the value of a JSON file, whose numbers are finite.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    object
        JSON-like.

    Raises
    ------
    StudyError
        When it is no JSON, or holds NaN, an infinity or a number that no double can hold.
    FileNotFoundError
        When it is not there.
    """
    with named_when_damaged(path, RecursionError):
        text = Path(path).read_text(encoding="utf-8")
        return json.loads(text, parse_constant=_refuse_number, parse_float=_finite)


def _refuse_number(word: str) -> float:
    raise ValueError(f"{word} is no finite number")


def _finite(word: str) -> float:
    number = float(word)
    return number if math.isfinite(number) else _refuse_number(word)


@contextmanager
def named_when_damaged(path: str | os.PathLike[str], *kinds: type[Exception]) -> Iterator[None]:
    """Return a block in which what a reader says of a file's content names the file.

    Parameters
    ----------
    path
        The file that is read in the block.
    kinds
        Errors of the reader's own, besides those that most readers raise (ValueError, BadZipFile).

    Raises
    ------
    StudyError
        In the place of one of these errors; any other, such as FileNotFoundError, stays itself.
    """
    told: tuple[type[Exception], ...] = (ValueError, zipfile.BadZipFile, *kinds)
    try:
        yield
    except told as error:
        raise StudyError(
            f"{path}: damaged, {error}; delete it and run the same command again"
        ) from None


def write_each(
    write: Callable[[Any, str | os.PathLike[str]], None],
    values: Iterable[Any],
    paths: Iterable[str | os.PathLike[str]],
) -> None:
    """Write each value to the path at its place, by a function that writes one to one.

    Parameters
    ----------
    write
        Takes a value and a path.
    values, paths
        As many of the ones as of the others.

    Raises
    ------
    ValueError
        When there are more of the ones than of the others.
    """
    for value, path in zip(values, paths, strict=True):
        write(value, path)


def write_csv(table: "pd.DataFrame", path: str | os.PathLike[str]) -> None:
    """Write `table` without its index; a float reads back as the same double, missing is empty.

    Parameters
    ----------
    table
        Its texts are written so that no spreadsheet computes them, see `core.spreadsheet`.
    path
        The file, UTF-8 with commas and Unix line ends, replaced as a whole.
    """
    harmless = _each_text(table, spreadsheet.neutral)
    with atomic_path(path) as temporary:
        harmless.to_csv(temporary, index=False, encoding="utf-8", lineterminator="\n")


def _each_text(table: "pd.DataFrame", change: Callable[[str], str]) -> "pd.DataFrame":
    """Return the table with its texts changed, and all else as it was."""
    import pandas as pd

    changed = table.copy(deep=False)
    for name, column in table.items():
        if column.dtype == object:
            cells = [change(cell) if isinstance(cell, str) else cell for cell in column]
            changed[name] = pd.Series(cells, index=table.index, dtype=object)
    return changed


def read_csv(path: str | os.PathLike[str]) -> "pd.DataFrame":
    """Return a table of results as it was written: the same doubles, ids and names as text.

    Only an empty cell is missing: "NA" may be the name of a center or of a level.

    Parameters
    ----------
    path
        A file that `write_csv` wrote.

    Returns
    -------
    pandas.DataFrame
        `TEXT_COLUMNS` as text.

    Raises
    ------
    StudyError
        When the file is damaged.
    FileNotFoundError
        When it is not there.
    """
    return _read_csv(path, dict.fromkeys(TEXT_COLUMNS, str))


def read_text_csv(path: str | os.PathLike[str]) -> "pd.DataFrame":
    """Return a table of results with every cell as text: a level "01" or "NA" is a level.

    Parameters
    ----------
    path
        A file that `write_csv` wrote.

    Returns
    -------
    pandas.DataFrame
        Only an empty cell is missing.

    Raises
    ------
    StudyError
        When the file is damaged.
    FileNotFoundError
        When it is not there.
    """
    return _read_csv(path, str)


def _read_csv(path: str | os.PathLike[str], dtype: Any) -> "pd.DataFrame":
    import pandas as pd

    with named_when_damaged(path):
        with open(path, "rb") as file:
            if file.read(1) == b"\0":
                raise ValueError("it holds zeros")
        table = pd.read_csv(
            path,
            dtype=dtype,
            keep_default_na=False,
            na_values=[""],
            float_precision="round_trip",
        )
    return _each_text(table, spreadsheet.meant)


def read_parquet(path: str | os.PathLike[str]) -> "pd.DataFrame":
    """Return a table of features.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    pandas.DataFrame
        As it was written.

    Raises
    ------
    StudyError
        When the file is damaged.
    FileNotFoundError
        When it is not there.
    """
    import pandas as pd

    with named_when_damaged(path):
        return pd.read_parquet(path)


FAST_DIGEST = "xxh3-128"
"""What digests of `fast_digest` begin with, so that none is compared with one of another kind."""


def fast_digest(parts: Iterable[bytes | memoryview]) -> str:
    """Return the XXH3 of 128 bits of parts, one after the other, as `FAST_DIGEST`:hexadecimal.

    For what is recomputed, kept or compared and never secret: two of a million contents have the
    same digest by a chance of 10^-27. SHA-256 would also keep out who makes such contents on
    purpose, but takes as long as all the rest of the way from an uncompressed mammogram to its
    patch, and several times that where the processor has no instructions for it.

    Parameters
    ----------
    parts
        Bytes, or views of contiguous arrays; where one ends makes no difference.
    """
    # Jobs that only read patches come by this module in an environment without it.
    import xxhash

    total = xxhash.xxh3_128()
    for part in parts:
        total.update(part)
    return f"{FAST_DIGEST}:{total.hexdigest()}"


def digest_bytes(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hexadecimal digits.

    Examples
    --------
    >>> from microcalc.core import files
    >>> files.digest_bytes(b"")[:16]
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(data).hexdigest()


def digest_file(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_value(value: Any) -> str:
    """Return the SHA-256 of a JSON-like value, whatever the order of its keys, as `digest_bytes`.

    Examples
    --------
    >>> from microcalc.core import files
    >>> files.digest_value({"a": 1, "b": 2}) == files.digest_value({"b": 2, "a": 1})
    True
    """
    return digest_bytes(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())
