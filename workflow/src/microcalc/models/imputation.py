"""Multiple imputation by chained equations with predictive mean matching."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from microcalc.config.clinical_settings import ClinicalVariable, ClinicalVariables
from microcalc.core import seeds
from microcalc.models.term import numeric, texts

Floats = NDArray[np.float64]

CYCLES = 10
DONORS = 5
# Keeps the regression of one variable on the others solvable when levels nearly coincide.
RIDGE = 1e-5


def impute(
    rows: pd.DataFrame,
    clinical: ClinicalVariables,
    *,
    number: int,
    seed: int,
    others: Sequence[str] = (),
) -> list[pd.DataFrame]:
    """Return `number` copies of the cases, each with its missing clinical values drawn.

    Each variable with missing values is regressed on all others and on the outcome, on a
    bootstrap sample; a missing value becomes that of one of the five cases whose prediction is
    nearest, drawn at random (van Buuren 2018, Flexible Imputation of Missing Data, 2nd edition,
    sections 3.4 and 4.5). A drawn value is always one that was observed.

    Parameters
    ----------
    rows
        Training cases with column y.
    clinical
        The config's `clinical`: these variables are imputed and predict each other.
    number
        How many copies.
    seed
        Each copy has its own stream.
    others
        Further complete numeric columns that predict, such as the deep score.

    Returns
    -------
    list of DataFrame
        Without a missing value of any clinical variable that has an observed one; one copy,
        unchanged, when no such value is missing.

    Raises
    ------
    StudyError
        When a continuous variable holds what is no finite number.
    """
    values = {name: texts(rows[name]) for name in clinical if name in rows}
    missing = {name: [v is None for v in column] for name, column in values.items()}
    incomplete = [n for n, gone in missing.items() if any(gone) and not all(gone)]
    if not incomplete:
        return [rows]
    fixed = np.column_stack([rows["y"], *(rows[name] for name in others)]).astype(float)
    copies = []
    for i in range(number):
        rng = seeds.stream(seed, "imputation", i)
        drawn = _draw(values, missing, incomplete, clinical, fixed, rng)
        copies.append(rows.assign(**drawn))
    return copies


def _draw(
    values: Mapping[str, list[str | None]],
    missing: Mapping[str, list[bool]],
    incomplete: Sequence[str],
    clinical: ClinicalVariables,
    fixed: Floats,
    rng: np.random.Generator,
) -> dict[str, NDArray[np.object_]]:
    current: dict[str, NDArray[np.object_]] = {}
    for name, column in values.items():
        filled = np.array(column, dtype=object)
        gone = np.array(missing[name])
        if name in incomplete:
            filled[gone] = rng.choice(filled[~gone], int(gone.sum()))
            current[name] = filled
        elif not gone.any():
            current[name] = filled
    blocks = {name: _block(column, clinical[name]) for name, column in current.items()}
    order = sorted(incomplete, key=lambda name: (sum(missing[name]), name))
    for _ in range(CYCLES):
        for name in order:
            gone = np.array(missing[name])
            rest = [block for other, block in blocks.items() if other != name]
            X = _standardized(np.hstack([fixed, *rest]))
            donor = _donors(X, blocks[name], gone, rng)
            current[name][gone] = current[name][donor]
            blocks[name][gone] = blocks[name][donor]
    return {name: current[name] for name in incomplete}


def _donors(
    X: Floats, target: Floats, gone: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return, for each missing value, the row it is taken from."""
    observed = np.flatnonzero(~gone)
    sample = rng.choice(observed, len(observed))
    moments = np.einsum("ij,ik->jk", X[sample], X[sample])
    moments[np.diag_indices_from(moments)] *= 1 + RIDGE
    moments[np.diag_indices_from(moments)] += RIDGE
    products = np.einsum("ij,ik->jk", X[sample], target[sample])
    predicted = np.einsum("ij,jk->ik", X, np.linalg.solve(moments, products))
    distance = ((predicted[gone][:, None] - predicted[observed][None]) ** 2).sum(axis=2)
    # Rounded, so that the last digit of a sum decides nothing; ties go to the first row.
    nearest = np.argsort(np.round(distance, 9), axis=1, kind="stable")[:, :DONORS]
    picked = rng.integers(0, nearest.shape[1], len(nearest))
    rows: NDArray[np.int64] = observed[nearest[np.arange(len(nearest)), picked]]
    return rows


def _block(column: NDArray[np.object_], variable: ClinicalVariable) -> Floats:
    """Return a variable as numbers: standardized, level numbers, or one column per level."""
    if not variable.categories:
        return _standardized(numeric(pd.Series(column))[:, None])[:, 1:]
    levels = variable.categories
    places = np.array([levels.index(str(level)) for level in column])
    if variable.kind == "ordinal":
        return _standardized(places[:, None].astype(float))[:, 1:]
    flags: Floats = (places[:, None] == np.arange(len(levels))).astype(float)
    return flags


def _standardized(X: Floats) -> Floats:
    """Return a column of ones, then the columns with mean 0 and SD 1 (0 where constant)."""
    spread = X.std(axis=0)
    scaled: Floats = (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return np.column_stack([np.ones(len(X)), scaled])
