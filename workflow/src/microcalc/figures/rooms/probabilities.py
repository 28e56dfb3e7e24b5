"""The figures of calibration and net benefit."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from microcalc.config.cohort_settings import Labels
from microcalc.core.files import read_csv
from microcalc.figures import calibration_plot, decision_curves
from microcalc.figures.rooms import Files


def draw(
    files: Files, *, models: Sequence[str], labels: Labels, confidence: float
) -> dict[str, Figure]:
    """Return the figures of calibration and net benefit.

    Parameters
    ----------
    files
        By name: calibration, curve, groups, histogram and net_benefit, tables of results.
    models
        Every model of the study, in the order of its config.
    labels
        The config's `labels`.
    confidence
        Level of the intervals.

    Returns
    -------
    dict
        By name: calibration, net_benefit.

    Raises
    ------
    StudyError
        When a file is damaged.
    """
    return {
        "calibration": calibration_plot.draw(
            *(read_csv(files[part]) for part in ("calibration", "curve", "groups", "histogram")),
            models=models,
            labels=labels,
            confidence=confidence,
        ),
        "net_benefit": decision_curves.draw(
            read_csv(files["net_benefit"]), models=models, labels=labels
        ),
    }
