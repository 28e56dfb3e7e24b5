"""A row of the config's `features` of kind table: columns that were computed elsewhere."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from microcalc.config.feature_settings import FeatureSetSettings
from microcalc.config.section import Distinct
from microcalc.config.views import STANDARD
from microcalc.core.files import read_json

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

    def applied(self, folder: Path, cohort: Path) -> Self:
        """Return the set with the very columns that the study took of its table.

        A column that is absent or empty is then told before anything is predicted, and further
        ones are left alone. Where the study's `models/domain.json` was not kept, columns are chosen
        as in the study.
        """
        row = super().applied(folder, cohort)
        domain = folder.parents[1] / "models" / "domain.json"
        spans = read_json(domain)["features"] if domain.is_file() else {}
        names = spans.get(folder.name, {}).get("names", [])
        # Of views side by side a column stands there once for each.
        is_concat = self.pools_views and self.pool_views == "concat"
        start = f"{folder.name}_{STANDARD[0]}_" if is_concat else f"{folder.name}_"
        columns = tuple(name.removeprefix(start) for name in names if name.startswith(start))
        return row.model_copy(update={"columns": columns, "without": ()}) if columns else row

    @property
    def deployed_by(self) -> dict[str, Any]:
        """What a frozen model's columns must be made with; their names it holds itself."""
        chosen = ("columns", "without")
        return {key: value for key, value in super().deployed_by.items() if key not in chosen}
