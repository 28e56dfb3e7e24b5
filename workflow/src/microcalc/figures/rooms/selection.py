"""The figures of the selection room."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from microcalc.config.clinical_settings import ClinicalVariables
from microcalc.config.cohort_settings import Labels
from microcalc.core.files import read_csv, read_parquet
from microcalc.figures import correlation, embedding, heatmap, lasso_plots, mrmr_plot
from microcalc.figures.rooms import Files, Path
from microcalc.images import included
from microcalc.selection.training import joined


def draw(
    files: Files,
    tables: Sequence[Path],
    *,
    labels: Labels,
    clinical: ClinicalVariables,
    choose: str,
    scheme: str,
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
    scheme
        The selection's `mrmr.scheme`.

    Returns
    -------
    dict
        By name: mrmr, lasso_path, lasso_cv, feature_heatmap, feature_correlation, embedding.

    Raises
    ------
    StudyError
        When a file is damaged.
    """
    cases = included.read(files["included"])
    features = joined([read_parquet(path) for path in tables])
    selected, cv = read_csv(files["selected"]), read_csv(files["cv"])
    return {
        "mrmr": mrmr_plot.draw(read_csv(files["mrmr"]), selected, scheme=scheme),
        "lasso_path": lasso_plots.draw_path(read_csv(files["path"]), cv, choose=choose),
        "lasso_cv": lasso_plots.draw_cv(cv, choose=choose),
        "feature_heatmap": heatmap.draw(cases, features, selected, labels=labels),
        "feature_correlation": correlation.draw(cases, features, selected, clinical),
        "embedding": embedding.draw(cases, features, labels=labels),
    }
