"""Which images left, told at the end of a run: imports nothing heavy."""

import csv
import os


def lines(qc: str | os.PathLike[str]) -> list[str]:
    """Return one line for every excluded image of `images/qc.csv`, under a first that counts them.

    Nothing when no image was excluded, or there is no such table.
    """
    try:
        with open(qc, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return []
    gone = [row for row in rows if row["status"] != "ok"]
    if not gone:
        return []
    return [
        f"{len(gone)} of {len(rows)} images were excluded (images/qc.csv):",
        *(f"  - image {row['image_id']} (case {row['case_id']}): {row['reason']}" for row in gone),
    ]
