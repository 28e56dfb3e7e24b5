"""The figures of discrimination: ROC curves, confusion matrices, scores, subgroups."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from microcalc.config.clinical_settings import ClinicalVariables
from microcalc.config.cohort_settings import Labels
from microcalc.core.files import read_csv, read_json
from microcalc.figures import (
    confusion,
    published_plot,
    roc,
    shown_models,
    subgroup_plot,
    waterfall,
)
from microcalc.figures.rooms import Files, Path


def draw(
    files: Files,
    frozen_models: Sequence[Path],
    *,
    scored: Sequence[str],
    models: Sequence[str],
    labels: Labels,
    clinical: ClinicalVariables,
    confidence: float,
    seed: int,
    main_score: str,
) -> dict[str, Figure]:
    """Return the figures of discrimination.

    Parameters
    ----------
    files
        By name: predictions, metrics, published and subgroups, tables of results.
    frozen_models
        Files of the frozen models, in the order of the config.
    scored
        The splits that get ROC curves.
    models
        Every model of the study, in the order of its config.
    labels, clinical
        The config's sections.
    confidence, seed
        The study's.
    main_score
        The score whose selection is drawn.

    Returns
    -------
    dict
        By name: roc_<split>, confusion, score_waterfall, published, subgroups_<split>.

    Raises
    ------
    StudyError
        When a file is damaged.
    """
    predictions, metrics = read_csv(files["predictions"]), read_csv(files["metrics"])
    read = {str(model["name"]): model for model in map(read_json, frozen_models)}
    alone = shown_models.of_waterfall(read, main_score)
    return {
        **{
            f"roc_{split}": roc.draw(
                *(predictions, metrics),
                split=split,
                models=models,
                labels=labels,
                confidence=confidence,
                seed=seed,
            )
            for split in scored
        },
        "confusion": confusion.draw(metrics, models=models, labels=labels),
        "score_waterfall": waterfall.draw(
            predictions,
            model=read[alone] if alone else None,
            labels=labels,
        ),
        "published": published_plot.draw(
            read_csv(files["published"]),
            models=models,
            confidence=confidence,
        ),
        **{
            f"subgroups_{split}": subgroup_plot.draw(
                read_csv(files["subgroups"]),
                split=split,
                models=models,
                clinical=clinical,
                labels=labels,
                confidence=confidence,
            )
            for split in ("internal", "external")
        },
    }
