"""The one family of errors that a user of MicroCalc is meant to read."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return ` (did you mean ...?)` with the nearest candidate, or nothing where none is near."""
    near = difflib.get_close_matches(str(name), list(candidates), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


class StudyError(Exception):
    """Something in the study's data or config is wrong and a person must decide.

    The message names the file, row, case or image, says what was found and what was
    expected, and what to do about it.
    """

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
        """
        shown = [f"  - {problem}" for problem in problems[:most]]
        if len(problems) > most:
            shown.append(f"  ... and {len(problems) - most} more")
        return cls("\n".join([heading, *shown]))
