"""The config's `labels`, `cohort` and `simulate`: who is in the study, and in which set."""

from typing import Annotated

from pydantic import Field

from microcalc.config.section import Distinct, Section, Share


class Labels(Section):
    """What the `label` column of the case table may hold."""

    negative: str
    """the label that becomes y = 0"""
    positive: str
    """the label that becomes y = 1"""
    excluded: Distinct[str] = ()
    """labels of cases that leave the study with that reason"""
    surrogate: str = ""
    """
    why the label only stands in for the endpoint that is meant; the report and the manuscript
    begin with it
    """

    @property
    def names(self) -> tuple[str, str]:
        """The names of the classes: of y = 0, then of y = 1."""
        return self.negative, self.positive


class CohortSettings(Section):
    """The study's tables and how its cases are split."""

    cases: str
    """path of the case table (CSV), one row per lesion"""
    images: str
    """path of the images table (CSV), one row per view"""
    image_folder: str
    """folder that the images table's paths start from"""
    development_centers: Distinct[str] = ()
    """
    centers divided into train and internal validation; every other center is external.
    Not used where the case table has a `split` column, nor for a patient in `split_file`
    """
    train_fraction: Share = 0.7
    """
    share of the development patients that trains: each patient's place is drawn with it by a
    hash of `seed` and patient_id, whatever the labels and the other patients
    """
    split_file: str | None = None
    """
    a table of patient_id and split (train, internal, external) of your own, outside results/,
    that fixes these patients' places for good. `make freeze-split CONFIG=...` writes it and
    adds new patients; what stands in it is never changed
    """
    permute_labels: Annotated[int, Field(ge=0)] | None = None
    """
    a seed that permutes the labels within center after the split, for a run that must find nothing
    """
    other_columns: Distinct[str] = ()
    """columns of the case table that are left out on purpose"""


class SimulateSettings(Section):
    """The demo only; makes the DICOM files before the images room reads them."""

    phantoms: str
    """path of the phantoms table, from which the DICOM files are made"""
