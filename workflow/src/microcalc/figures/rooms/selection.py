"""The figures of the selection room."""

from matplotlib.figure import Figure

from microcalc.config.clinical_settings import ClinicalVariables
from microcalc.config.cohort_settings import Labels
from microcalc.core.files import read_csv, read_parquet
from microcalc.figures import correlation, embedding, heatmap, lasso_plots, mrmr_plot
from microcalc.figures.rooms import Files
from microcalc.images import included


def draw(
    files: Files, *, labels: Labels, clinical: ClinicalVariables, choose: str
) -> dict[str, Figure]:
    """Return the figures of the selection room by name, from the files by name."""
    cases, features = included.read(files["included"]), read_parquet(files["features"])
    selected, cv = read_csv(files["selected"]), read_csv(files["cv"])
    return {
        "mrmr": mrmr_plot.draw(read_csv(files["mrmr"]), selected),
        "lasso_path": lasso_plots.draw_path(read_csv(files["path"]), cv, choose=choose),
        "lasso_cv": lasso_plots.draw_cv(cv, choose=choose),
        "feature_heatmap": heatmap.draw(cases, features, selected, labels=labels),
        "feature_correlation": correlation.draw(cases, features, selected, clinical),
        "embedding": embedding.draw(cases, features, labels=labels),
    }
