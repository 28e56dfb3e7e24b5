"""Reading the tables that say which cases are analyzed and which are not."""

import os

import pandas as pd

from microcalc.core.files import read_text_csv

Path = str | os.PathLike[str]


def read(
    included: Path, cohort_exclusions: Path, qc: Path
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the tables of cases, of exclusions and of images.

    All is text but `y`: a level "01" or "NA" is a level; only an empty cell is missing.

    Parameters
    ----------
    included
        `images/included.csv`.
    cohort_exclusions
        `cohort/exclusions.csv`.
    qc
        `images/qc.csv`.

    Returns
    -------
    cases, gone, images : pandas.DataFrame
        Every eligible case, `y` a whole number; the exclusions; every image.

    Raises
    ------
    StudyError
        When a file is damaged.
    """
    cases, gone, images = (read_text_csv(path) for path in (included, cohort_exclusions, qc))
    return cases.astype({"y": int}), gone, images


def included(path: Path) -> pd.DataFrame:
    """Return the included cases with every column of `images/included.csv`, as `read` types it.

    Parameters
    ----------
    path
        `images/included.csv`.

    Returns
    -------
    pandas.DataFrame
        One row per included case.

    Raises
    ------
    StudyError
        When the file is damaged.
    """
    cases = read_text_csv(path)
    kept = cases[cases["status"] == "included"].reset_index(drop=True)
    return kept.astype({"y": int})
