"""The one family of errors that a user of MicroCalc is meant to read."""

import difflib
from collections.abc import Iterable

LONGEST = 60
"""Letters of a user's word that are compared and quoted."""


def did_you_mean(name: object, candidates: Iterable[object]) -> str:
    """Return ` (did you mean ...?)` with the nearest candidate, or nothing where none is near.

    Parameters
    ----------
    name
        What the user wrote; its case does not matter.
    candidates
        What would have been right. One alone that begins so is the nearest, else one that is spelt
        much alike (`difflib.get_close_matches`).

    Examples
    --------
    >>> from microcalc.core.errors import did_you_mean
    >>> did_you_mean("backbon", ["backbone", "weights"])
    " (did you mean 'backbone'?)"
    >>> did_you_mean("x", ["backbone", "weights"])
    ''
    """
    known = {str(candidate).casefold(): str(candidate) for candidate in candidates}
    word = str(name)[:LONGEST].casefold()
    begun = [candidate for candidate in known if len(word) > 2 and candidate.startswith(word)]
    near = begun if len(begun) == 1 else difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {known[near[0]]!r}?)" if near else ""


def shown(value: object) -> str:
    """Return a value from a user's file as a message quotes it: a long text cut short.

    Examples
    --------
    >>> from microcalc.core.errors import shown
    >>> shown("4C"), len(shown("a" * 500))
    ("'4C'", 62)
    """
    if isinstance(value, str) and len(value) > LONGEST:
        value = value[: LONGEST - 3] + "..."
    text = repr(value)
    return text if len(text) <= 2 * LONGEST else text[: 2 * LONGEST] + "..."


def with_detail(reason: str, detail: str) -> str:
    """Return a reason with what was found behind it, in parentheses, if there is anything.

    Examples
    --------
    >>> from microcalc.core.errors import with_detail
    >>> with_detail("no such view", "XCCL"), with_detail("no such view", "")
    ('no such view (XCCL)', 'no such view')
    """
    return f"{reason} ({detail})" if detail else reason


class StudyError(Exception):
    """Something in the study's data or config is wrong and a person must decide.

    The message names the file, row, case or image, says what was found and what was
    expected, and what to do about it.

    Attributes
    ----------
    reason
        The message without `detail`: the same words for the same fault, whatever its numbers,
        so that equal faults can be counted.
    detail
        What was found in this one case; in the message it follows in parentheses.

    Examples
    --------
    >>> from microcalc.core.errors import StudyError
    >>> error = StudyError("its file is too large", detail="5.2 GB")
    >>> str(error.beginning("image C001_CC: ")), error.detail
    ('image C001_CC: its file is too large (5.2 GB)', '5.2 GB')
    """

    def __init__(self, reason: str = "", *, detail: str = "") -> None:
        super().__init__(with_detail(reason, detail))
        self.reason, self.detail = reason, detail

    def beginning(self, start: str) -> "StudyError":
        """Return the error itself, its message begun with `start` where it was not before."""
        self.reason = start + self.reason.removeprefix(start)
        self.args = (with_detail(self.reason, self.detail),)
        return self

    @classmethod
    def listing(cls, heading: str, problems: list[str], *, most: int = 50) -> "StudyError":
        """Return one error for many problems, so that nobody has to mend them one run at a time.

        Parameters
        ----------
        heading
            One sentence that says what was being checked.
        problems
            One line each.
        most
            How many of them to print; the rest are counted.

        Examples
        --------
        >>> from microcalc.core.errors import StudyError
        >>> print(StudyError.listing("Two faults", ["line 2: no age", "line 5: no age"], most=1))
        Two faults
          - line 2: no age
          ... and 1 more
        """
        lines = [f"  - {problem}" for problem in problems[:most]]
        if len(problems) > most:
            lines.append(f"  ... and {len(problems) - most} more")
        return cls("\n".join([heading, *lines]))
