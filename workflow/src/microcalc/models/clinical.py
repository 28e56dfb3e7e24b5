"""The clinical variables: univariable, then multivariable, then independent predictors."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from microcalc.errors import StudyError
from microcalc.models import design, logistic

COLUMNS = (
    "variable", "level", "n", "coefficient", "se", "odds_ratio", "or_low", "or_high", "p",
    "p_variable", "kept", "method",
)  # fmt: skip

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Screening:
    """What the screening saw and kept.

    Attributes
    ----------
    univariable, multivariable
        One row per continuous variable and per level of a categorical one: variable, level,
        n (cases, or cases of the level), coefficient (log odds), se, odds_ratio with its Wald
        interval or_low and or_high, p (Wald), p_variable (likelihood ratio, the whole
        variable), kept, method. The reference level has odds ratio 1 and no p. The
        multivariable table has no row when nothing survived the univariable step.
    kept
        The independent predictors, in the config's order.
    """

    univariable: pd.DataFrame
    multivariable: pd.DataFrame
    kept: tuple[str, ...]


def training_rows(included: pd.DataFrame) -> pd.DataFrame:
    """Return the cases of split `train`, sorted by case_id."""
    train = included[included["split"] == "train"].sort_values("case_id")
    if train["y"].nunique() < 2:
        raise StudyError(
            f"the training split holds {len(train)} cases, all of one class; a model needs both"
        )
    return train.reset_index(drop=True)


def screen(
    table: pd.DataFrame,
    *,
    clinical: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, Any],
    confidence: float = 0.95,
) -> Screening:
    """Screen the clinical variables on the training cases given.

    Every variable alone; those with likelihood-ratio p below `p_univariable` together; of
    these, the ones with p below `p_multivariable` are the independent predictors. A
    categorical variable is one variable, tested with all its levels at once.

    Parameters
    ----------
    table
        Training cases with column y and the clinical columns.
    clinical
        The config's `clinical`: kind and levels per variable.
    settings
        The config's `screening`: p_univariable, p_multivariable, missing.
    confidence
        Level of the intervals.
    """
    limit_one, limit_all = settings["p_univariable"], settings["p_multivariable"]
    tables, candidates = [], []
    for name in clinical:
        rows = describe(table, [name], clinical, settings, limit=limit_one, confidence=confidence)
        tables.append(rows)
        candidates += [name] if rows["kept"].any() else []
    together = describe(
        table, candidates, clinical, settings, limit=limit_all, confidence=confidence
    )
    kept = tuple(n for n in candidates if together.loc[together["variable"] == n, "kept"].any())
    univariable = pd.concat(tables, ignore_index=True) if tables else _table([])
    logger.info(
        "of %d clinical variables %d have p < %g alone (%s) and %d p < %g together (%s)",
        *(len(clinical), len(candidates), limit_one, ", ".join(candidates) or "none"),
        *(len(kept), limit_all, ", ".join(kept) or "none"),
    )
    return Screening(univariable, together, kept)


def describe(
    table: pd.DataFrame,
    variables: Sequence[str],
    clinical: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, Any],
    *,
    limit: float,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Fit one model on `variables` and return its table of odds ratios, columns `COLUMNS`.

    A variable of which the cases show only one value has no coefficient: its row says
    "not estimable", with p_variable 1.
    """
    rows = usable(table, variables, settings["missing"])
    coding = design.fit(rows, variables, clinical)
    X, y = coding.matrix(rows), rows["y"].to_numpy()
    groups = np.array(coding.groups, dtype=str)
    lines: list[dict[str, Any]] = []
    if coding.terms:
        fitted = logistic.fit(X, y, names=coding.columns, confidence=confidence)
        places = {name: i + 1 for i, name in enumerate(coding.columns)}
    for variable in variables:
        term = next((term for term in coding.terms if term.variable == variable), None)
        if term is None:
            lines.append(_line(variable, len(rows), method="not estimable", p_variable=1.0))
            continue
        test = logistic.drop_test(X, y, groups == variable)
        common = {"p_variable": test.p, "kept": test.p < limit, "method": fitted.method}
        counts = X[:, groups == variable].sum(axis=0)
        if term.kind == "categorical":
            reference = {"level": term.levels[0], "coefficient": 0.0, "odds_ratio": 1.0}
            lines.append(_line(variable, len(rows) - int(counts.sum()), **common, **reference))
        for column, count, level in zip(
            term.columns, counts, term.levels[1:] or ("",), strict=True
        ):
            i = places[column]
            lines.append(
                _line(
                    variable,
                    int(count) if term.kind == "categorical" else len(rows),
                    level=level,
                    coefficient=float(fitted.coefficients[i]),
                    se=float(fitted.se[i]),
                    odds_ratio=float(fitted.odds_ratio[i]),
                    or_low=float(np.exp(fitted.low[i])),
                    or_high=float(np.exp(fitted.high[i])),
                    p=float(fitted.p[i]),
                    **common,
                )
            )
    return _table(lines)


def usable(table: pd.DataFrame, variables: Sequence[str], missing: str) -> pd.DataFrame:
    """Return the rows a model on `variables` is fitted on.

    All of them, or with `missing` "complete-case" those without a missing value.
    """
    if missing != "complete-case":
        return table
    complete = np.ones(len(table), dtype=bool)
    for name in variables:
        complete &= np.array([text is not None for text in design.texts(table[name])])
    if table.loc[complete, "y"].nunique() < 2:
        raise StudyError(
            "screening.missing is complete-case, and the cases without a missing value in "
            f"{', '.join(variables)} are {int(complete.sum())}, not of both classes; use impute"
        )
    return table[complete].reset_index(drop=True)


def _line(variable: str, n: int, **values: Any) -> dict[str, Any]:
    return {"variable": variable, "level": "", "n": n, "kept": False, **values}


def _table(lines: list[dict[str, Any]]) -> pd.DataFrame:
    numbers = ("coefficient", "se", "odds_ratio", "or_low", "or_high", "p", "p_variable")
    table = pd.DataFrame(lines, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(numbers, float) | {"n": int, "kept": bool})
