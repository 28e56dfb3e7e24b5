"""What a person must know of the images, told at the end of a run: imports nothing heavy."""

import csv
import os
from collections.abc import Mapping, Sequence

from microcalc.core.errors import with_detail

IDENTIFIED = "pseudonym_is_patient_id"
"""The flag of an image whose case or patient is called in the study as in the file."""

_MOST_ALIKE = 3

Row = Mapping[str, str]


def lines(qc: str | os.PathLike[str]) -> list[str]:
    """Return a warning about names that identify patients, and the excluded images by reason.

    Parameters
    ----------
    qc
        `images/qc.csv`. Nothing is returned of one that is not there.

    Returns
    -------
    list of str
        Lines of text, in which images and cases stand by their pseudonyms.
    """
    try:
        with open(qc, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return []
    return [*_identified(rows), *_excluded(rows)]


def _identified(rows: Sequence[Row]) -> list[str]:
    named = [row["image_id"] for row in rows if IDENTIFIED in row["flags"].split(";")]
    if not named:
        return []
    return [
        f"WARNING: the case_id or patient_id of {len(named)} images is the PatientID in their own "
        "file, so that results and logs identify patients; use pseudonyms in the tables "
        f"(images/qc.csv, flag {IDENTIFIED})"
    ]


def _excluded(rows: Sequence[Row]) -> list[str]:
    gone = [row for row in rows if row["status"] != "ok"]
    if not gone:
        return []
    by_reason: dict[str, list[Row]] = {}
    for row in gone:
        by_reason.setdefault(row["reason"], []).append(row)
    lines = [f"{len(gone)} of {len(rows)} images were excluded (images/qc.csv):"]
    for reason, those in by_reason.items():
        if len(those) > _MOST_ALIKE:
            first = ", ".join(row["image_id"] for row in those[:_MOST_ALIKE])
            lines.append(f"  - {len(those)} images ({first}, ...): {reason}")
        else:
            lines += [
                f"  - image {row['image_id']} (case {row['case_id']}): "
                f"{with_detail(reason, row.get('detail', ''))}"
                for row in those
            ]
    return lines
