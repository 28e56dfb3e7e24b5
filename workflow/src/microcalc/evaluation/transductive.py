"""The mark of transductive results: computed with the validation images as a group."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def labelled(table: "pd.DataFrame", harmonize: str) -> "pd.DataFrame":
    """Return `table`, with a column `transductive` that names the method where there was one.

    Parameters
    ----------
    table
        What was computed from deep features, or from predictions with them.
    harmonize
        The config's `features.<name>.harmonize`; for "none" the table stays as it is.
    """
    return table if harmonize == "none" else table.assign(transductive=harmonize)
