"""The figures of the selection room."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from microcalc.config.clinical_settings import ClinicalVariables
from microcalc.config.cohort_settings import Labels
from microcalc.core.files import read_csv, read_parquet
from microcalc.figures import correlation, embedding, heatmap, lasso_plots, mrmr_plot
from microcalc.figures.rooms import Files, Path
from microcalc.images import included


def draw(
    files: Files,
    tables: Sequence[Path],
    *,
    labels: Labels,
    clinical: ClinicalVariables,
    choose: str,
) -> dict[str, Figure]:
    """Return the figures of the selection room.

    Parameters
    ----------
    files
        By name: included, selected, cv, mrmr and path, tables of results.
    tables
        The tables of columns that the selection chose from.
    labels, clinical
        The config's sections.
    choose
        lambda_min or lambda_1se.

    Returns
    -------
    dict
        By name: mrmr, lasso_path, lasso_cv, feature_heatmap, feature_correlation, embedding.

    Raises
    ------
    StudyError
        When a file is damaged.
    """
    cases, features = included.read(files["included"]), _side_by_side(tables)
    selected, cv = read_csv(files["selected"]), read_csv(files["cv"])
    return {
        "mrmr": mrmr_plot.draw(read_csv(files["mrmr"]), selected),
        "lasso_path": lasso_plots.draw_path(read_csv(files["path"]), cv, choose=choose),
        "lasso_cv": lasso_plots.draw_cv(cv, choose=choose),
        "feature_heatmap": heatmap.draw(cases, features, selected, labels=labels),
        "feature_correlation": correlation.draw(cases, features, selected, clinical),
        "embedding": embedding.draw(cases, features, labels=labels),
    }


def _side_by_side(tables: Sequence[Path]) -> pd.DataFrame:
    """Return case_id and the columns of all tables."""
    read = [read_parquet(path).set_index("case_id") for path in tables]
    return pd.concat(read, axis=1, join="inner").reset_index()
