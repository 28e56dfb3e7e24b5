"""Screening of clinical variables: univariable, then multivariable, then independent predictors."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from microcalc.config.clinical_settings import ClinicalVariables, ScreeningSettings
from microcalc.core.errors import StudyError
from microcalc.models import design, regression
from microcalc.models.regression import usable

__all__ = [
    "COLUMNS", "Screening", "candidates", "missing_values", "screen", "training_rows", "usable",
]  # fmt: skip

COLUMNS = (
    *("variable", "level", "n", "coefficient", "se", "odds_ratio", "or_low", "or_high"),
    *("or_profile_low", "or_profile_high", "p", "p_variable", "vif", "kept", "method"),
)
_NUMBERS = COLUMNS[3:13]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Screening:
    """What the screening saw and kept.

    Attributes
    ----------
    univariable, multivariable
        One row per design column of a variable, and one per reference level: variable, level,
        n (cases, or cases of the level), coefficient (log odds), se, odds_ratio with its Wald
        interval or_low and or_high and its profile-likelihood interval or_profile_low and
        or_profile_high (where asked for, and on one table of cases), p (Wald), p_variable (the
        whole variable), vif, kept, method. The reference level has odds ratio 1 and no p. The
        multivariable table has no row when nothing survived the univariable step.
    kept
        The independent predictors, in the config's order.
    """

    univariable: pd.DataFrame
    multivariable: pd.DataFrame
    kept: tuple[str, ...]


def training_rows(included: pd.DataFrame) -> pd.DataFrame:
    """Return the cases that models are fitted on.

    Parameters
    ----------
    included
        The included cases of every split, with case_id, split and y.

    Returns
    -------
    pandas.DataFrame
        Those of split `train`, sorted by case_id, numbered from 0.

    Raises
    ------
    StudyError
        When they are not of both classes.
    """
    train = included[included["split"] == "train"].sort_values("case_id")
    if train["y"].nunique() < 2:
        raise StudyError(
            f"the training split holds {len(train)} cases, all of one class; a model needs both"
        )
    return train.reset_index(drop=True)


def candidates(clinical: ClinicalVariables, without: Sequence[str] = ()) -> ClinicalVariables:
    """Return the variables that screening may choose from.

    Parameters
    ----------
    clinical
        The config's `clinical`.
    without
        Variables that the model leaves aside.

    Returns
    -------
    dict
        By name, in the config's order: no score of another origin (`candidate` false), and none of
        `without`.
    """
    return {
        name: variable
        for name, variable in clinical.items()
        if variable.candidate and name not in without
    }


def missing_values(included: pd.DataFrame, clinical: ClinicalVariables) -> pd.DataFrame:
    """Return how often each clinical variable is missing in each split.

    Parameters
    ----------
    included
        The included cases of every split, with the clinical columns.
    clinical
        The config's `clinical`.

    Returns
    -------
    pandas.DataFrame
        variable, split, n, n_missing, n_unseen. `n_unseen` counts cases with a level that no
        training case has, which models treat as missing; it is 0 for a continuous variable.
    """
    train = included[included["split"] == "train"]
    lines = []
    for variable in clinical:
        known = set(design.texts(train[variable]))
        for split, rows in included.groupby("split", sort=True):
            values = design.texts(rows[variable])
            has_levels = not clinical[variable].is_continuous
            lines.append(
                {
                    "variable": variable,
                    "split": split,
                    "n": len(values),
                    "n_missing": sum(value is None for value in values),
                    "n_unseen": sum(
                        has_levels and value is not None and value not in known for value in values
                    ),
                }
            )
    return pd.DataFrame(lines, columns=["variable", "split", "n", "n_missing", "n_unseen"])


def screen(
    table: pd.DataFrame,
    *,
    clinical: ClinicalVariables,
    settings: ScreeningSettings,
    confidence: float,
    seed: int,
    profile: bool = False,
) -> Screening:
    """Screen the clinical variables on the training cases given.

    `method` "p_values": every variable alone; those with p below `p_univariable` together; of
    these, the ones with p below `p_multivariable` are the independent predictors. A categorical
    variable is one variable, tested with all its levels at once. "backward_aic": of all
    variables together, the one whose loss lowers Akaike's criterion most leaves, until none
    does. "fixed": the variables named in `variables`, whatever their p.

    Parameters
    ----------
    table
        Training cases with column y and the clinical columns.
    clinical
        The candidates, as in the config's `clinical`: kind and levels per variable.
    settings
        The config's `screening`.
    confidence
        Level of the intervals.
    seed
        Deals the multiple imputations.
    profile
        Whether to compute the profile-likelihood intervals.

    Returns
    -------
    Screening
        Both tables of odds ratios, and the independent predictors.

    Raises
    ------
    StudyError
        When the cases fitted on are not of both classes, or a continuous variable holds text.
    """
    tables = regression.completed(table, clinical, settings, seed=seed)

    def described(names: list[str], limit: float) -> list[dict[str, Any]]:
        options: Any = {"limit": limit, "confidence": confidence, "profile": profile}
        return _lines(table, names, clinical, settings, imputed=tables, **options)

    singles = [described([name], settings.p_univariable) for name in clinical]
    univariable = _table([line for lines in singles for line in lines])
    if settings.method == "fixed":
        chosen = [name for name in settings.variables if name in clinical]
    elif settings.method == "backward_aic":
        chosen = regression.backward(tables, list(clinical), clinical, settings)
    else:
        passed = univariable.loc[univariable["kept"], "variable"]
        chosen = [name for name in clinical if name in set(passed)]
    limit = settings.p_multivariable if settings.method == "p_values" else np.inf
    together = _table(described(chosen, limit))
    kept = tuple(n for n in chosen if together.loc[together["variable"] == n, "kept"].any())
    logger.info(
        "screening (%s): of %d clinical variables %d go on (%s), %d are kept (%s)",
        *(settings.method, len(clinical), len(chosen), ", ".join(chosen) or "none"),
        *(len(kept), ", ".join(kept) or "none"),
    )
    return Screening(univariable, together, kept)


def _lines(
    table: pd.DataFrame,
    variables: Sequence[str],
    clinical: ClinicalVariables,
    settings: ScreeningSettings,
    *,
    limit: float,
    confidence: float,
    profile: bool,
    imputed: Sequence[pd.DataFrame],
) -> list[dict[str, Any]]:
    """Fit one model on `variables` and return the lines of its table of odds ratios.

    A variable of which the cases show only one value has no coefficient: its line says
    "not estimable", with p_variable 1.
    """
    fitted = regression.fit(
        imputed,
        variables,
        clinical,
        settings,
        confidence=confidence,
        profile=profile,
        observed=table,
    )
    lines: list[dict[str, Any]] = []
    for variable in variables:
        term = next((term for term in fitted.coding.terms if term.variable == variable), None)
        if term is None:
            lines.append(_line(variable, fitted.n, method="not estimable", p_variable=1.0))
            continue
        p = fitted.test(variable, settings.test).p
        common = {"p_variable": p, "kept": p < limit, "method": fitted.method}
        counts = fitted.counts(variable)
        if term.kind == "categorical":
            reference = {"level": term.levels[0], "coefficient": 0.0, "odds_ratio": 1.0}
            of_levels = sum(counts[: len(term.levels) - 1])
            lines.append(_line(variable, fitted.n - of_levels, **common, **reference))
        for column, count, level in zip(term.columns, counts, term.column_levels, strict=True):
            counted = term.kind == "categorical" or level == "missing"
            n = count if counted else fitted.n
            lines.append(_line(variable, n, level=level, **fitted.numbers(column), **common))
    return lines


def _line(variable: str, n: int, **values: Any) -> dict[str, Any]:
    return {"variable": variable, "level": "", "n": n, "kept": False, **values}


def _table(lines: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(lines, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(_NUMBERS, float) | {"n": int, "kept": bool})
