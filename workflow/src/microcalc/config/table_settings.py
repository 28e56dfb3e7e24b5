"""A row of the config's `features` of kind table: columns that were computed elsewhere."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from microcalc.config.feature_settings import FeatureSetSettings
from microcalc.config.section import Distinct

NUMERIC: Literal["numeric"] = "numeric"
Chosen = Annotated[Distinct[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


class TableSettings(FeatureSetSettings):
    """Columns of a table of yours, computed elsewhere: in other images, by other software."""

    measured_in: ClassVar[str] = "table_features"
    columns_from: ClassVar[str] = "path"

    kind: Literal["table"]
    """table, columns that were computed elsewhere"""
    path: str
    """
    path of the table (CSV); where frozen models are applied, a table of the same name lies
    beside the cohort's own
    """
    per: Literal["case", "image"] = "case"
    """
    what a row is of: a case, or an image of the images table, and the rows of a case's images are
    then pooled as `pool_views` says
    """
    id_column: Annotated[str, Field(min_length=1)] | None = None
    """the column that holds case_id, or image_id; null where it is called so"""
    columns: Literal["numeric"] | Chosen = NUMERIC
    """
    which columns are features: their names, in which `*` stands for any text (`original_*`), or
    numeric, all that hold a number, but ids and PyRadiomics' `diagnostics_*`
    """
    without: Distinct[Annotated[str, Field(min_length=1)]] = ()
    """columns that are left out all the same, named in the same way"""

    @property
    def pools_views(self) -> bool:
        """Whether a row is of an image."""
        return self.per == "image"

    @property
    def ids(self) -> str:
        """The column of ids."""
        return self.id_column or f"{self.per}_id"
