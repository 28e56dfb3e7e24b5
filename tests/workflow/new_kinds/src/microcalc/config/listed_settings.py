"""A row of the config's `features` of kind listed: columns of a table of the user's."""

from typing import ClassVar, Literal

from microcalc.config.feature_settings import FeatureSetSettings


class ListedSettings(FeatureSetSettings):
    """Columns per case that were computed elsewhere."""

    measured_in: ClassVar[str] = "listed"
    columns_from: ClassVar[str] = "path"

    kind: Literal["listed"]
    """listed, columns of a table of the user's"""
    path: str
    """the table: case_id and columns of numbers"""
