"""The figures of the models room."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from microcalc.config import networks
from microcalc.config.clinical_settings import ClinicalVariables
from microcalc.config.cohort_settings import Labels
from microcalc.core.files import read_csv, read_json
from microcalc.figures import nomogram, odds_ratio_plot, shown_models
from microcalc.figures.rooms import Files, Path
from microcalc.images import included


def draw(
    files: Files,
    frozen_models: Sequence[Path],
    *,
    labels: Labels,
    clinical: ClinicalVariables,
    confidence: float,
) -> dict[str, Figure]:
    """Return the figures of the models room by name, from the files by name."""
    cases = included.read(files["included"]).merge(_deep_scores(files["deep_scores"]), on="case_id")
    read = [read_json(path) for path in frozen_models]
    return {
        "odds_ratios": odds_ratio_plot.draw(
            read_csv(files["univariable"]),
            read_csv(files["multivariable"]),
            clinical,
            labels=labels,
            confidence=confidence,
        ),
        "nomogram": nomogram.draw(
            shown_models.of_own_network({str(model["name"]): model for model in read}),
            *(cases, clinical),
            labels=labels,
        ),
    }


def _deep_scores(path: Path) -> pd.DataFrame:
    """Return each case's deep score by the frozen model, which has seen the training cases."""
    scores = read_csv(path)
    final = (scores["kind"] != "out_of_fold") & (scores["network"] == networks.OWN_NETWORK)
    return scores.loc[final, ["case_id", "deep_score"]]
