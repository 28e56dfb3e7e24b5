"""What an ingest leaves: two tables, a config, the account of every row, and its summary."""

import os
from pathlib import Path

import pandas as pd

from microcalc.core.files import write_csv, write_text
from microcalc.ingest import config, summary
from microcalc.ingest.outcome import Outcome


def write(
    outcome: Outcome,
    folder: str | os.PathLike[str],
    *,
    source: str | os.PathLike[str],
    spacing_mm: str = "",
) -> None:
    """Write cases.csv, images.csv, config.yaml, account.csv and summary.md.

    Parameters
    ----------
    outcome
        What was taken and what was not.
    folder
        Where they go; its name becomes the study's.
    source
        The collection's folder.
    spacing_mm
        Pixel spacing, as the user says, of the files that carry none; empty when nobody says.
    """
    target = Path(folder)
    write_csv(_cases(outcome), target / "cases.csv")
    write_csv(_images(outcome, spacing_mm), target / "images.csv")
    write_csv(_account(outcome), target / "account.csv")
    write_text(config.text(outcome, target, os.fspath(source)), target / "config.yaml")
    write_text(summary.text(outcome, target, spacing_mm), target / "summary.md")


def _cases(outcome: Outcome) -> pd.DataFrame:
    cases = list(outcome.cases.values())
    rows = []
    for case in cases:
        row = {
            "case_id": case.case_id,
            "patient_id": case.patient_id,
            "center": case.center,
            "label": case.label,
            "split": case.split,
        }
        rows.append(row | dict(case.clinical))
    table = pd.DataFrame(rows)
    return table if table["split"].any() else table.drop(columns="split")


def _images(outcome: Outcome, spacing_mm: str) -> pd.DataFrame:
    rows = []
    for image in outcome.images.values():
        box = [f"{value:g}" for value in image.box] if image.box else [""] * 4
        row = {
            "image_id": image.image_id,
            "case_id": outcome.owners[image.image_id],
            "path": image.path,
            "view": image.view,
            "laterality": image.laterality,
        }
        row |= dict(zip(("x0", "y0", "x1", "y1"), box, strict=True))
        row |= {
            "roi_path": image.roi_path,
            "spacing_mm": "" if image.has_spacing else spacing_mm or image.spacing_mm,
        }
        rows.append(row)
    return pd.DataFrame(rows)


def _account(outcome: Outcome) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "source": record.place.source,
                "row": record.place.row,
                "outcome": "taken" if record.case else "left out",
                "case_id": record.case.case_id if record.case else "",
                "image_id": record.image.image_id if record.image else "",
                "reason": record.reason,
            }
            for record in outcome.records
        ]
    )
