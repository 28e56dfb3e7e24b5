"""Reading the tables that say which cases are analyzed and which are not."""

import os

import pandas as pd

from microcalc.core.files import read_text_csv

Path = str | os.PathLike[str]


def read(
    included: Path, cohort_exclusions: Path, qc: Path
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return `images/included.csv` (every eligible case), `cohort/exclusions.csv`, `images/qc.csv`.

    All is text but `y`: a level "01" or "NA" is a level; only an empty cell is missing.
    """
    cases, gone, images = (read_text_csv(path) for path in (included, cohort_exclusions, qc))
    return cases.astype({"y": int}), gone, images


def included(path: Path) -> pd.DataFrame:
    """Return the included cases with every column of `images/included.csv`, as `read` types it."""
    cases = read_text_csv(path)
    kept = cases[cases["status"] == "included"].reset_index(drop=True)
    return kept.astype({"y": int})
