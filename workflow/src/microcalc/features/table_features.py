"""Kind table: columns that were computed elsewhere, of cases or of images."""

import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd

from microcalc.config.table_settings import TableSettings
from microcalc.plan.feature_table import FeatureTable

log = logging.getLogger(__name__)

RECIPE = 1


def of_table(settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return case_id or image_id, and the columns that are features, as text.

    Parameters
    ----------
    settings
        A row of the config's `features`, see `TableSettings`.

    Returns
    -------
    DataFrame
        One row per row of the table.

    Raises
    ------
    StudyError
        As `FeatureTable.read`.
    """
    how = TableSettings.of(settings)
    read = FeatureTable.read(how)
    told = ", ".join(read.left_out) or "none"
    log.info("%d columns are features; left out: %s", len(read.names), told)
    names = {how.ids: f"{how.per}_id"} | {name: name for name in read.names}
    rows = pd.DataFrame(read.table.rows, columns=list(names), dtype=str)
    return rows.rename(columns=names)
