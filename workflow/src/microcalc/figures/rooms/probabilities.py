"""The figures of calibration and net benefit."""

from matplotlib.figure import Figure

from microcalc.core.files import read_csv
from microcalc.figures import calibration_plot, decision_curves
from microcalc.figures.rooms import Config, Files


def draw(files: Files, config: Config) -> dict[str, Figure]:
    """Return the figures by name, from the files by name."""
    names, labels = config["models"], config["labels"]
    return {
        "calibration": calibration_plot.draw(
            *(read_csv(files[part]) for part in ("calibration", "curve", "groups", "histogram")),
            models=names,
            labels=labels,
            confidence=config["confidence"],
        ),
        "net_benefit": decision_curves.draw(
            read_csv(files["net_benefit"]), models=names, labels=labels
        ),
    }
