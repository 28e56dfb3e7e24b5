"""Minimum sample size: `sample_size.csv`, what the models and their validation would have needed.

Development: Riley et al., Stat Med 2019; 38: 1276 and BMJ 2020; 368: m441 (pmsampsize).
Validation: Riley et al., Stat Med 2021; 40: 4230 (pmvalsampsize).
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from microcalc.config.clinical_settings import ClinicalVariables, ScreeningSettings
from microcalc.config.model_settings import ModelSettings
from microcalc.models import design
from microcalc.models.recipe import candidates_of
from microcalc.statistics.sample_size import Criterion, cox_snell, development, validation

COLUMNS = (
    "set", "model", "criterion", "parameters", "expected_auc", "prevalence",
    "n_required", "events_required", "n", "events", "events_per_parameter", "met", "statement",
)  # fmt: skip


def of_study(
    cases: pd.DataFrame,
    funnels: Mapping[str, pd.DataFrame],
    models: Mapping[str, ModelSettings],
    clinical: ClinicalVariables,
    screening: ScreeningSettings,
    *,
    expected_auc: float,
) -> pd.DataFrame:
    """Return the minimum sample size of the study's models: `table` of them.

    Parameters
    ----------
    cases
        The included cases.
    funnels
        `funnel.csv` of each score, whose first row counts the features extracted: all of them
        are candidates of the score.
    models, clinical, screening
        The config's sections of these names.
    expected_auc
        As in `table`.

    Returns
    -------
    pandas.DataFrame
        As from `table`.

    Raises
    ------
    StudyError
        As `parameters_of` and `table`.
    """
    extracted = {name: int(funnel["n_features"].iloc[0]) for name, funnel in funnels.items()}
    training = cases[cases["split"] == "train"]
    parameters = parameters_of(models, clinical, screening, training, extracted)
    return table(cases, parameters, expected_auc=expected_auc)


def parameters_of(
    models: Mapping[str, ModelSettings],
    clinical: ClinicalVariables,
    screening: ScreeningSettings,
    training: pd.DataFrame,
    n_features: Mapping[str, int],
) -> dict[str, int]:
    """Return the candidate parameters of each model that the study fits.

    They are the columns that the clinical candidates have in the design of the training cases
    (levels seen less one, one of an ordinal variable, the bends of a spline, indicators of
    missing values), and for a score all the features it was chosen from. An external score
    is not developed here; it is left out, and so is a model without any candidate.

    Parameters
    ----------
    models, clinical, screening
        The config's sections of these names.
    training
        The training cases.
    n_features
        By score, how many features it was chosen from.

    Returns
    -------
    dict of int
        By model, each above 0.

    Raises
    ------
    StudyError
        When the training cases have no column of a candidate, or the config does not describe it.
    """
    found = {}
    for name, model in models.items():
        if not model.is_external_score:
            candidates = candidates_of(model, clinical, screening)
            coded = design.fit(training, candidates, clinical, screening)
            found[name] = len(coded.columns) + sum(n_features[score] for score in model.taken)
    return {name: number for name, number in found.items() if number}


def table(
    cases: pd.DataFrame, parameters: Mapping[str, int], *, expected_auc: float
) -> pd.DataFrame:
    """Return the minimum sample size: each criterion, by model in training and by validation set.

    Parameters
    ----------
    cases
        The included cases, with `split` and `y`.
    parameters
        From `parameters_of`.
    expected_auc
        The AUC that one would have hoped for before seeing the data.

    Returns
    -------
    pandas.DataFrame
        With `COLUMNS`; `met` is yes or no and `statement` says it in words. A set of one class has
        no row.

    Raises
    ------
    StudyError
        When `expected_auc` is none that the criteria take (`sample_size.cox_snell`).

    References
    ----------
    Riley et al., Stat Med 2019; 38: 1276; BMJ 2020; 368: m441; Stat Med 2021; 40: 4230.
    """
    found: list[dict[str, Any]] = []
    for split in ("train", "internal", "external"):
        y = cases.loc[cases["split"] == split, "y"].to_numpy()
        if len(np.unique(y)) < 2:
            continue
        n, events = int(y.size), int(min(y.sum(), y.size - y.sum()))
        prevalence = float(y.mean())
        size = {"set": split, "n": n, "events": events, "prevalence": prevalence,
                "expected_auc": expected_auc}  # fmt: skip
        if split != "train":
            criteria = validation(prevalence, expected_auc)
            what = f"{split} validation"
            found += [size | _judged(one, n, prevalence, what) for one in criteria]
            continue
        r2 = cox_snell(expected_auc, prevalence)
        for model, number in parameters.items():
            what = f"the {model} model with {number:,} candidate parameters"
            per = {"model": model, "parameters": number, "events_per_parameter": events / number}
            criteria = development(number, prevalence, r2)
            found += [size | per | _judged(one, n, prevalence, what) for one in criteria]
    return pd.DataFrame(found, columns=list(COLUMNS)).astype({"parameters": "Int64"})


def _judged(criterion: Criterion, n: int, prevalence: float, what: str) -> dict[str, Any]:
    met = n >= criterion.n_required
    return {
        "criterion": criterion.name,
        "n_required": criterion.n_required,
        "events_required": math.ceil(criterion.n_required * min(prevalence, 1 - prevalence)),
        "met": "yes" if met else "no",
        "statement": (
            f"For {what}, {criterion.name} takes {criterion.n_required:,} cases; there are {n:,}: "
            + ("enough." if met else f"{criterion.n_required - n:,} too few.")
        ),
    }
