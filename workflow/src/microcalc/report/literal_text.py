r"""Escaping: a user's words stay text in Markdown, and in what is made of it.

A class may be called `*IDC*` or `<b>`. Its marks are set apart while a document is put together, so
that neither the reader of Markdown nor the writer of Word files takes them for its own. A mark is
set apart as a character of Unicode's private use area, U+E000 onwards.

Examples
--------
>>> from microcalc.report import literal_text
>>> text = literal_text.set_apart("Of **all** cases, 3 were *IDC*.", ["*IDC*"])
>>> literal_text.as_markdown(text)
'Of **all** cases, 3 were \\*IDC\\*.'
>>> literal_text.as_plain(text)
'Of **all** cases, 3 were *IDC*.'
"""

import re
from collections.abc import Iterable, Iterator

from microcalc.config.study_config import StudyConfig

MARK = re.compile(r"[\\`*{}\[\]<>#|~$]|(?<![^\W_])_|_(?![^\W_])")
"""What means something in Markdown, wherever it stands; an underscore inside a word does not."""

_PRIVATE = 0xE000
_APART = re.compile(r"[\ue000-\ue07f]")


def users_words(config: StudyConfig) -> list[str]:
    """Return what a study's config says in the user's own words, empty ones left out.

    These are the names of classes and what stands for them, centers, the names, labels, units and
    levels of clinical variables, and the citation of published numbers.
    """
    labels, cohort = config.labels, config.cohort
    return list(
        filter(
            None,
            [
                *(*labels.names, *labels.excluded, labels.surrogate),
                *cohort.development_centers,
                *(word for name in config.clinical for word in _of_variable(config, name)),
                config.published.citation,
            ],
        )
    )


def _of_variable(config: StudyConfig, name: str) -> Iterator[str]:
    variable = config.clinical[name]
    yield from (name, variable.label or "", variable.unit or "", *(variable.levels or ()))


def set_apart(text: str, words: Iterable[str]) -> str:
    """Return a text in which the marks of these words are set apart.

    Parameters
    ----------
    text
        Markdown, made by us but for these words.
    words
        Each is looked for as it stands, where no letter or digit touches it.
    """
    marked = sorted({word for word in words if MARK.search(word)}, key=len, reverse=True)
    if not marked:
        return text
    # A word in the middle of another one, such as a level `*`, is none.
    found = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in marked))
    return found.sub(lambda match: literal(match[0]), text)


def literal(text: str) -> str:
    """Return a text whose marks are all set apart: it means nothing in Markdown."""
    return MARK.sub(lambda mark: chr(_PRIVATE + ord(mark[0])), text)


def as_markdown(text: str) -> str:
    """Return a text with the marks that were set apart escaped, as Markdown has it."""
    return _APART.sub(lambda mark: f"\\{chr(ord(mark[0]) - _PRIVATE)}", text)


def as_plain(text: str) -> str:
    """Return a text with the marks that were set apart as they were written."""
    return _APART.sub(lambda mark: chr(ord(mark[0]) - _PRIVATE), text)
