"""Reading the tables that say which cases are analyzed and which are not."""

import os

import pandas as pd

Path = str | os.PathLike[str]


def read(
    included: Path, cohort_exclusions: Path, qc: Path
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return `images/included.csv` (every eligible case), `cohort/exclusions.csv`, `images/qc.csv`.

    All is text but `y`: a level "01" or "NA" is a level; only an empty cell is missing.
    """
    cases, gone, images = (
        pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
        for path in (included, cohort_exclusions, qc)
    )
    return cases.astype({"y": int}), gone, images


def included(path: Path) -> pd.DataFrame:
    """Return the included cases with every column of `images/included.csv`, as `read` types it."""
    cases = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
    kept = cases[cases["status"] == "included"].reset_index(drop=True)
    return kept.astype({"y": int})
