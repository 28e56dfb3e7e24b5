"""A config as a YAML file: what is no YAML, or silently lost of it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from microcalc.config.schema_messages import join
from microcalc.core.errors import StudyError

MOST_NODES = 100_000
"""Keys and values of a config: some hundreds. Aliases of aliases make billions of a few lines."""


def refuse_slips(path: str | Path) -> None:
    """Refuse a YAML file that is none, or of which something would be lost without a word.

    Parameters
    ----------
    path
        The config. A file that is not there is for whoever reads it to tell.

    Raises
    ------
    StudyError
        By line and column: what no reader of YAML takes, what would fill the memory once its
        aliases are resolved, and keys that stand twice in a section, of which readers silently keep
        the last.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        root = yaml.compose(text, yaml.SafeLoader)
    except FileNotFoundError:
        return
    except UnicodeDecodeError as error:
        raise StudyError(
            f"{path}: byte {error.start + 1} is no text in UTF-8; save the file as UTF-8"
        ) from error
    except yaml.MarkedYAMLError as error:
        raise StudyError(_slip(path, text, error)) from error
    except yaml.YAMLError as error:
        raise StudyError(f"{path}: no YAML ({' '.join(str(error).split())})") from error
    except RecursionError as error:
        raise StudyError(f"{path}: sections within sections without end; no config") from error
    if root and _count(root, {}) > MOST_NODES:
        raise StudyError(
            f"{path}: its aliases (*name) make more than {MOST_NODES:,} keys and values of it; "
            "write them out"
        )
    found = list(_repeated(root, "")) if root else []
    if found:
        raise StudyError.listing(
            f"{path}: keys that stand twice, of which one would be lost", found
        )


def _slip(path: str | Path, text: str, error: yaml.MarkedYAMLError) -> str:
    """Return where the reader of YAML stopped, the line itself, and what it did not understand."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return f"{path}: no YAML ({error.problem})"
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    what = error.problem or "no YAML"
    if "\t" in line[: mark.column + 1]:
        what = "a tab; YAML is indented by spaces alone"
    began = error.context_mark
    since = (
        f" ({error.context}, line {began.line + 1})" if error.context and began is not None else ""
    )
    return (
        f"{path}: line {mark.line + 1}, column {mark.column + 1}: {what}{since}\n"
        f"      {line}\n      {' ' * mark.column}^"
    )


def _count(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many nodes there are with every alias resolved; each is counted once."""
    if id(node) not in known:
        known[id(node)] = MOST_NODES + 1  # of a node within itself there is no end
        parts = node.value if isinstance(node, yaml.SequenceNode) else ()
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        known[id(node)] = 1 + sum(_count(part, known) for part in parts)
    return known[id(node)]


def _repeated(node: yaml.Node, place: str) -> Iterator[str]:
    if isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield from _repeated(entry, place)
    if not isinstance(node, yaml.MappingNode):
        return
    first: dict[str, int] = {}
    for key, value in node.value:
        inner, line = join(place, key.value), key.start_mark.line + 1
        if first.setdefault(str(key.value), line) != line:
            yield f"{inner}: stands on line {line} and on line {first[str(key.value)]}; keep one"
        yield from _repeated(value, inner)


if __name__ == "__main__":
    try:
        refuse_slips(sys.argv[1])
    except StudyError as error:
        sys.exit(str(error))
