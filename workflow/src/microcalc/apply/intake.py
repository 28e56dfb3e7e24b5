"""The new cohort's tables: checked for what the models need, and cut off from their labels."""

import logging
import os
from collections.abc import Sequence

import pandas as pd

from microcalc.cohort.eligible import EXCLUSION_COLUMNS
from microcalc.cohort.study_tables import read_cohort
from microcalc.config.clinical_settings import ClinicalVariable, ClinicalVariables
from microcalc.config.cohort_settings import Labels
from microcalc.core.errors import StudyError
from microcalc.core.table_reader import read_table
from microcalc.models.frozen import FrozenModel

Path = str | os.PathLike[str]

IDENTITY = ("case_id", "patient_id", "center")

logger = logging.getLogger(__name__)


def variables(models: Sequence[FrozenModel]) -> list[str]:
    """Return the columns of the case table that the models use.

    Parameters
    ----------
    models
        Frozen models.

    Returns
    -------
    list of str
        Each once, in the order of first use; scores are no such columns.
    """
    used = [term["variable"] for model in models for term in model["terms"]
            if term["kind"] != "score"]  # fmt: skip
    return list(dict.fromkeys(used))


def take(
    cases: Path,
    images: Path,
    *,
    schemas: tuple[str, str],
    needed: Sequence[str],
    clinical: ClinicalVariables,
    labels: Labels,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the cases to predict, all images, and the exclusions with their reasons.

    Nothing of it depends on a label, so that none can reach a prediction.

    Parameters
    ----------
    cases, images
        The cohort's two tables. Column label may be missing, or empty; columns that the study
        did not know are left out.
    schemas
        Paths of the JSON Schemas of one row of either table.
    needed
        Columns the models cannot do without.
    clinical, labels
        The study's config. A level that it does not list is let through: the models treat it as
        missing, and the case gets a warning.

    Returns
    -------
    eligible, images, exclusions : DataFrame
        `eligible` has case_id, patient_id, center, split ("external") and the clinical columns.

    Raises
    ------
    StudyError
        Listing all that is wrong with the tables.
    """
    there = read_table(cases).columns
    absent = [name for name in needed if name not in there]
    if absent:
        raise StudyError.listing(
            "The models cannot be applied to this case table; add a column, empty where unknown",
            [f"{cases}: no column {name!r}, which a model uses" for name in absent],
        )
    known = {name: _open(variable) for name, variable in clinical.items() if name in there}
    ignored = [name for name in there if name not in (*IDENTITY, "label", *known)]
    if ignored:
        logger.info("columns left out: %s", ", ".join(ignored))
    cohort = read_cohort(
        cases,
        images,
        schemas=schemas,
        clinical=known,
        labels=labels,
        other_columns=ignored,
        label_required=False,
    )
    columns = [*IDENTITY, "split", *known]
    pictured = {image["case_id"] for image in cohort.images}
    rows = [{**case, "split": "external"} for case in cohort.cases]
    gone = [
        {"room": "cohort", "case_id": row["case_id"], "image_id": "",
         "reason": "no image in the images table"}
        for row in rows if row["case_id"] not in pictured
    ]  # fmt: skip
    return (
        pd.DataFrame([row for row in rows if row["case_id"] in pictured], columns=columns),
        pd.DataFrame(list(cohort.images)),
        pd.DataFrame(gone, columns=EXCLUSION_COLUMNS),
    )


def _open(variable: ClinicalVariable) -> ClinicalVariable:
    """Return a variable without its list of levels."""
    return variable.model_copy(update={"levels": None})


def read_labels(cases: Path, labels: Labels) -> pd.DataFrame:
    """Return the cases whose label is one of the two classes.

    Parameters
    ----------
    cases
        Path of the cohort's case table.
    labels
        The study's classes.

    Returns
    -------
    pandas.DataFrame
        case_id, label and y (1 = positive); no row where there is no column label.

    Raises
    ------
    StudyError
        When the table cannot be read.
    """
    outcome = {labels.negative: 0, labels.positive: 1}
    rows = [
        {"case_id": row["case_id"], "label": row["label"], "y": outcome[row["label"]]}
        for row in read_table(cases).rows
        if row.get("label") in outcome
    ]
    return pd.DataFrame(rows, columns=["case_id", "label", "y"])
