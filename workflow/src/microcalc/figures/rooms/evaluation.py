"""The figures of the evaluation room, but for the calibration and the ROC curves."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from microcalc.figures import confusion, decision, published, subgroups, waterfall
from microcalc.files import read_csv, read_json

Path = str | os.PathLike[str]
Files = Mapping[str, Path]
Config = Mapping[str, Any]


def draw(files: Files, frozen_models: Sequence[Path], config: Config) -> dict[str, Figure]:
    """Return the figures of the evaluation room by name, from the files by name."""
    names, labels = config["models"], config["labels"]
    read = [read_json(path) for path in frozen_models]
    deep = [model for model in read if {term["kind"] for term in model["terms"]} == {"deep"}]
    return {
        "confusion": confusion.draw(read_csv(files["metrics"]), models=names, labels=labels),
        "score_waterfall": waterfall.draw(
            read_csv(files["predictions"]),
            model=str(deep[0]["name"]) if deep else None,
            threshold=float(deep[0]["threshold"]) if deep else 0.5,
            labels=labels,
        ),
        "published": published.draw(
            read_csv(files["published"]),
            models=names,
            confidence=config["confidence"],
        ),
        "net_benefit": decision.draw(read_csv(files["net_benefit"]), models=names, labels=labels),
        **{
            f"subgroups_{split}": subgroups.draw(
                read_csv(files["subgroups"]),
                split=split,
                models=names,
                clinical=config["clinical"],
                labels=labels,
                confidence=config["confidence"],
            )
            for split in ("internal", "external")
        },
    }
