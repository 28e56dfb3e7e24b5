"""What becomes of every DICOM file in a folder: decoded, or refused with which words.

`python -m tests.unit.images.survey FOLDER ...` prints a Markdown table, and one of the reasons.
"""

import re
import sys
import warnings
from collections import Counter
from pathlib import Path

import pydicom

from microcalc.core.errors import StudyError
from microcalc.images.dicom import decode
from microcalc.images.image_entry import ImageEntry


def files(folder: Path) -> list[Path]:
    """Return the DICOM files under `folder`, with and without preamble."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(p for p in found if p.suffix == ".dcm" or p.read_bytes()[128:132] == b"DICM")


def outcome(path: Path) -> tuple[str, str]:
    """Return ("decoded", size and source of the spacing) or ("refused", why).

    A spacing and a frame are given, as a user would for an image that lacks them, when that was
    the reason for a refusal.
    """
    data = path.read_bytes()
    words = []
    for given in ({}, {"spacing_mm": 0.1}, {"frame": 1}, {"spacing_mm": 0.1, "frame": 1}):
        try:
            found = decode(data, ImageEntry("x", **given))
        except StudyError as error:
            words.append(str(error).removeprefix("image x: "))
            continue
        rows, columns = found.shape
        note = f" given {', '.join(given)}" if given else ""
        return "decoded", f"{rows} x {columns}, {found.spacing_source}{note}"
    return "refused", words[0] if "spacing" not in words[0] else words[-1]


def syntax(path: Path) -> str:
    """Return the name of the file's transfer syntax, "?" when it does not say."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            meta = pydicom.dcmread(path, specific_tags=["SOPClassUID"], force=True).file_meta
            return meta.TransferSyntaxUID.name
        except Exception:
            return "?"


def kinds(outcomes: list[tuple[str, str]]) -> list[str]:
    """Return a Markdown table of how many files had each outcome, numbers in its words aside."""
    counts = Counter(
        (what, re.sub(r"(?<!\w)[0-9.]*[0-9]\b", "n", words)) for what, words in outcomes
    )
    lines = ["| outcome | | files |", "|---|---|---|"]
    return lines + [f"| {what} | {words} | {n} |" for (what, words), n in counts.most_common()]


if __name__ == "__main__":
    lines, outcomes = ["| file | transfer syntax | outcome | |", "|---|---|---|---|"], []
    for folder in map(Path, sys.argv[1:]):
        for path in files(folder):
            what, words = outcome(path)
            outcomes.append((what, words))
            name = path.relative_to(folder).as_posix()
            lines.append(f"| {name} | {syntax(path)} | {what} | {words} |")
    sys.stdout.write("\n".join([*lines, "", *kinds(outcomes)]) + "\n")
