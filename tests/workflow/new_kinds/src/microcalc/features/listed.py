"""Kind listed: columns of a table of the user's."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from microcalc.config.listed_settings import ListedSettings

from microcalc.core.table_reader import read_table

RECIPE = 1


def of_table(settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return case_id and the table's other columns, as text."""
    table = read_table(ListedSettings.of(settings).path)
    return pd.DataFrame(table.rows, columns=table.columns)
