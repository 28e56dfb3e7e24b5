"""The figures of the models room."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from microcalc.config.clinical_settings import ClinicalVariables
from microcalc.config.cohort_settings import Labels
from microcalc.config.score_names import score_column
from microcalc.core.files import read_csv, read_json
from microcalc.figures import nomogram, odds_ratio_plot
from microcalc.figures.rooms import Files, Path
from microcalc.images import included


def draw(
    files: Files,
    frozen_models: Sequence[Path],
    *,
    labels: Labels,
    clinical: ClinicalVariables,
    confidence: float,
    main_score: str,
    one_by_one: Sequence[str],
) -> dict[str, Figure]:
    """Return the figures of the models room.

    Parameters
    ----------
    files
        By name: included, scores, univariable and multivariable, tables of results.
    frozen_models
        Files of the frozen models, in the order of the config.
    labels, clinical
        The config's sections.
    confidence
        Level of the intervals.
    main_score, one_by_one
        See `shown_models.of_nomogram`.

    Returns
    -------
    dict
        By name: odds_ratios, nomogram.

    Raises
    ------
    StudyError
        When a file is damaged.
    ValueError
        When a case has a score twice.
    """
    cases = included.read(files["included"]).merge(_scores(files["scores"]), on="case_id")
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
            {str(model["name"]): model for model in read},
            *(cases, clinical),
            labels=labels,
            main_score=main_score,
            one_by_one=one_by_one,
        ),
    }


def _scores(path: Path) -> pd.DataFrame:
    """Return a column per score: each case's by the frozen models, which saw training cases."""
    scores = read_csv(path)
    final = scores[scores["kind"] != "out_of_fold"]
    # A pivot refuses a case that has a score twice, where a table of means would not.
    columns = final.pivot(index="case_id", columns="score", values="value")  # noqa: PD010
    return columns.rename(columns=score_column).reset_index()
