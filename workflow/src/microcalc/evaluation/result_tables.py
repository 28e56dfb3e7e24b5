"""The tables of this room, made together where they share what they are made from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from microcalc.config.evaluation_settings import (
    DiscriminationSettings,
    NetBenefitSettings,
    ProbabilitySettings,
    PublishedSettings,
)
from microcalc.core.files import write_csv
from microcalc.evaluation import (
    calibration_tables,
    compare,
    decision_curve,
    equivalence,
    mcnemar,
    metrics,
    precision_recall_curve,
    published,
    recalibration,
    reclassification_table,
    subgroups,
    transductive,
)
from microcalc.models.frozen import FrozenModel
from microcalc.statistics.arrays import Floats
from microcalc.statistics.delong import Transform

Tables = dict[str, pd.DataFrame]


def discrimination(
    rows: pd.DataFrame,
    models: Mapping[str, FrozenModel],
    cases: pd.DataFrame,
    *,
    settings: DiscriminationSettings,
    paper: PublishedSettings | None,
    seed: int,
) -> Tables:
    """Return the tables of discrimination: the models alone, against each other, in subgroups.

    Parameters
    ----------
    rows
        `models/predictions.csv`.
    models
        The frozen models by name.
    cases
        The included cases, from `cohort_tables.included`.
    settings
        The config's `evaluation`: confidence, comparisons, auc_interval, resamples, prevalence,
        equivalence, subgroups.
    paper
        The config's `published`; None where nothing is laid beside.
    seed
        The study's seed.

    Returns
    -------
    dict
        metrics, delong, equivalence, mcnemar, precision_recall, subgroups, published.

    Raises
    ------
    StudyError
        As the functions of these tables: when the predictions cannot be evaluated, are of a model
        that is not frozen, or lack one of `comparisons`; when a column of a subgroup cannot be
        used.
    """
    confidence, transform = settings.confidence, _transform(settings)
    pairs, asked = settings.comparisons, settings.equivalence
    measured = metrics.table(
        rows,
        models,
        confidence=confidence,
        transform=transform,
        resamples=settings.resamples,
        seed=seed,
        prevalence=settings.prevalence,
    )
    return {
        "metrics": measured,
        "delong": compare.table(rows, pairs, confidence=confidence),
        "equivalence": equivalence.table(rows, pairs, margin=asked.margin, alpha=asked.alpha),
        "mcnemar": mcnemar.table(rows, models, pairs, confidence=confidence),
        "precision_recall": precision_recall_curve.curve(rows, confidence=confidence),
        "subgroups": subgroups.table(
            rows,
            cases,
            settings.subgroups.columns,
            min_per_class=settings.subgroups.min_per_class,
            confidence=confidence,
            transform=transform,
        ),
        "published": published.compare(measured, paper),
    }


def probabilities(rows: pd.DataFrame, *, settings: ProbabilitySettings, seed: int) -> Tables:
    """Return the tables of calibration, of net benefit and of reclassification.

    Parameters
    ----------
    rows
        `models/predictions.csv`; recalibrated ones are added when `settings` ask for them.
    settings
        The config's `evaluation`: confidence, comparisons, calibration_resamples, resamples,
        recalibrate, net_benefit, reclassification.
    seed
        The study's seed.

    Returns
    -------
    dict
        calibration, calibration_curve, calibration_groups, calibration_histogram; recalibration,
        which has no row where it is off; net_benefit, reclassification.

    Raises
    ------
    StudyError
        As the functions of these tables: when the predictions cannot be evaluated, lack one of
        `comparisons`, or cannot be recalibrated where that is asked for.
    """
    every, fitted = recalibration.extend(rows, wanted=settings.recalibrate)
    confidence = settings.confidence
    measured, curve = calibration_tables.assess(
        every, confidence=confidence, resamples=settings.calibration_resamples, seed=seed
    )
    draws: Any = {"confidence": confidence, "resamples": settings.resamples, "seed": seed}
    return {
        "calibration": measured,
        "calibration_curve": curve,
        "calibration_groups": calibration_tables.groups(every, confidence=confidence),
        "calibration_histogram": calibration_tables.histogram(every),
        "recalibration": recalibration.with_intervals(fitted, measured),
        "net_benefit": decision_curve.table(every, thresholds=_grid(settings.net_benefit), **draws),
        "reclassification": reclassification_table.table(
            every,
            settings.comparisons,
            cuts=settings.reclassification.cuts,
            **draws,
        ),
    }


def write(tables: Tables, outputs: Any, *, harmonize: str) -> None:
    """Write each table to the attribute of `outputs` that has its name.

    Parameters
    ----------
    tables
        By name.
    outputs
        Has the path of each as an attribute, such as Snakemake's output.
    harmonize
        As for `transductive.labelled`: where centers were evened out, each table says so.
    """
    for name, table in tables.items():
        write_csv(transductive.labelled(table, harmonize), getattr(outputs, name))


def _transform(settings: DiscriminationSettings) -> Transform:
    return "none" if settings.auc_interval == "plain" else settings.auc_interval


def _grid(asked: NetBenefitSettings) -> Floats:
    # Rounded, so that 0.3 is written as 0.3.
    return np.round(np.arange(asked.low, asked.high + asked.step / 2, asked.step), 10)
