"""The whole chain, from scaling to models, fitted again on other cases than the study's own.

Scaler, filters, mRMR, LASSO, clinical screening and models: nothing of the study's own fit is
kept. Fitted on the study's training cases with the study's seed it gives the study's models.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from microcalc import seeds
from microcalc.evaluation.arrays import Floats
from microcalc.models.clinical import screen
from microcalc.models.design import DEEP_SCORE
from microcalc.models.equation import Equation
from microcalc.models.fit import Recipe
from microcalc.selection import chain
from microcalc.selection.folds import assign_folds
from microcalc.selection.training import feature_matrix, feature_names

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cases:
    """Cases with their deep features; one may stand here more than once.

    Attributes
    ----------
    rows
        case_id, patient_id, center, split, y and the clinical columns, n rows.
    X
        Shape (n, p).
    names
        The p names.
    copies
        Features of perturbed images, shape (m, n, p), for the stability filter.
    """

    rows: pd.DataFrame
    X: Floats
    names: tuple[str, ...]
    copies: Floats | None = None

    def take(self, index: Indices) -> "Cases":
        """Return the cases at these positions, in this order."""
        copies = None if self.copies is None else self.copies[:, index]
        rows = self.rows.iloc[index].reset_index(drop=True)
        return replace(self, rows=rows, X=self.X[index], copies=copies)

    def where(self, *splits: str) -> "Cases":
        """Return the cases of these splits."""
        return self.take(np.flatnonzero(self.rows["split"].isin(splits).to_numpy()))

    @property
    def y(self) -> Indices:
        """0 or 1, shape (n,)."""
        return self.rows["y"].to_numpy(dtype=np.int64)

    @property
    def patients(self) -> npt.NDArray[np.str_]:
        """Patient of each case, shape (n,)."""
        return self.rows["patient_id"].to_numpy(dtype=str)


@dataclass(frozen=True)
class Plan:
    """The config's `models`, `clinical`, `screening` and `selection`: what is fitted, and how."""

    models: Mapping[str, Mapping[str, Any]]
    clinical: Mapping[str, Mapping[str, Any]]
    screening: Mapping[str, Any]
    selection: Mapping[str, Any]


@dataclass(frozen=True)
class Refit:
    """A fitted chain and the models on top of it.

    Attributes
    ----------
    chain
        The selection; None when no model uses the deep score.
    equations
        By model.
    screened
        The clinical variables that the screening kept; None when no model screens.
    """

    chain: chain.Chain | None
    equations: Mapping[str, Equation]
    screened: tuple[str, ...] | None

    def predict(self, cases: Cases) -> dict[str, Floats]:
        """Return each model's probabilities of these cases, shape (n,)."""
        score = np.nan if self.chain is None else self.chain.score(cases.X)
        rows = cases.rows.assign(**{DEEP_SCORE: score})
        return {
            name: np.asarray(expit(equation.linear_predictor(rows)))
            for name, equation in self.equations.items()
        }

    @property
    def selected(self) -> list[tuple[str, str]]:
        """What was chosen from data, as (kind, name): deep features, clinical variables."""
        deep = () if self.chain is None else tuple(self.chain.selected["feature"].iloc[1:])
        return [
            *(("deep feature", str(name)) for name in deep),
            *(("clinical variable", name) for name in self.screened or ()),
        ]


def gather(included: pd.DataFrame, features: pd.DataFrame) -> Cases:
    """Return the included cases of all splits with their features, in the order of case_id."""
    rows = included.sort_values("case_id").reset_index(drop=True)
    names = feature_names(features)
    return Cases(rows, feature_matrix(features, rows["case_id"], names), names)


def fit(cases: Cases, plan: Plan, *, seed: int) -> Refit:
    """Fit everything on these cases and on nothing else.

    Parameters
    ----------
    cases
        Training cases. Equal `patient_id` keeps cases in one fold: so do a patient's copies.
    plan
        What is fitted. External scores are not.
    seed
        Deals the folds, as the study's seed does for the study.

    Raises
    ------
    StudyError
        When these cases cannot be fitted, for want of patients or of a class.
    """
    recipes = [
        Recipe(name, spec, plan.clinical, plan.screening)
        for name, spec in plan.models.items()
        if spec.get("kind") != "external_score"
    ]
    selection, rows = None, cases.rows
    if any(recipe.uses_deep for recipe in recipes):
        selection = _chain(cases, plan.selection, seed)
        rows = rows.assign(**{DEEP_SCORE: _out_of_fold(cases, plan.selection, seed)})
    screened = None
    if any(recipe.spec.get("clinical") == "screened" for recipe in recipes):
        screened = screen(rows, clinical=plan.clinical, settings=plan.screening).kept
    informs = selection is not None and len(selection.columns) > 0
    equations = {
        recipe.name: _settled(recipe, screened).fit(rows, deep_informs=informs)
        for recipe in recipes
    }
    return Refit(selection, equations, screened)


def _settled(recipe: Recipe, screened: tuple[str, ...] | None) -> Recipe:
    """Return the recipe with the screening's outcome in its place: it is done once for all."""
    if recipe.spec.get("clinical") != "screened":
        return recipe
    return replace(recipe, spec={**recipe.spec, "clinical": list(screened or ())})


def _chain(cases: Cases, settings: Mapping[str, Any], seed: int) -> chain.Chain:
    return chain.fit(
        cases.X,
        cases.y,
        cases.patients,
        feature_names=cases.names,
        settings=settings,
        seed=seed,
        copies=cases.copies,
    )


def _out_of_fold(cases: Cases, settings: Mapping[str, Any], seed: int) -> Floats:
    """Return each case's score from a chain without its fold, dealt as `selection.crossfit`."""
    fold = assign_folds(
        cases.y,
        cases.patients,
        n_folds=settings["folds"],
        seed=seeds.derive(seed, "crossfit"),
    )
    scores = np.empty(len(fold))
    for k in range(settings["folds"]):
        rest, out = np.flatnonzero(fold != k), fold == k
        fitted = _chain(cases.take(rest), settings, seeds.derive(seed, "crossfit", k, k))
        scores[out] = fitted.score(cases.X[out])
    return scores
