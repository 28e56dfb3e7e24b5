"""The figures of whether probabilities hold, and of what acting on them gains."""

import os
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from microcalc.figures import calibration, decision
from microcalc.files import read_csv

Path = str | os.PathLike[str]
Files = Mapping[str, Path]
Config = Mapping[str, Any]


def draw(files: Files, config: Config) -> dict[str, Figure]:
    """Return the figures by name, from the files by name."""
    names, labels = config["models"], config["labels"]
    return {
        "calibration": calibration.draw(
            *(read_csv(files[part]) for part in ("calibration", "curve", "groups", "histogram")),
            models=names,
            labels=labels,
            confidence=config["confidence"],
        ),
        "net_benefit": decision.draw(read_csv(files["net_benefit"]), models=names, labels=labels),
    }
