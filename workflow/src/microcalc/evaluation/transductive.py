"""The mark of transductive results: computed with the validation images as a group."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def labelled(table: "pd.DataFrame", harmonize: str) -> "pd.DataFrame":
    """Return `table`, with a column `transductive` that names the method where there was one.

    Parameters
    ----------
    table
        What was computed from features, or from predictions with them.
    harmonize
        How centers were evened out in the sets that scores take, `feature_sets.harmonized`; for
        "none" the table stays as it is.

    Returns
    -------
    pandas.DataFrame
        The table with that column, or itself.
    """
    return table if harmonize == "none" else table.assign(transductive=harmonize)
