"""The whole chain, from scaling to models, fitted again on other cases than the study's own.

Scaler, filters, mRMR, LASSO, clinical screening and models: nothing of the study's own fit is
kept. Fitted on the study's training cases with the study's seed it gives the study's models.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from microcalc import seeds
from microcalc.evaluation.arrays import Floats
from microcalc.models.recipe import DeepInput, Fitted, Recipe
from microcalc.selection import chain
from microcalc.selection.folds import assign_folds
from microcalc.selection.training import feature_copies, feature_matrix, feature_names

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cases:
    """Cases with their deep features; one may stand here more than once.

    Attributes
    ----------
    rows
        case_id, patient_id, center, split, y and the clinical columns, n rows; in a bootstrap
        sample also `original_patient`, and every copy of a patient is a patient_id of its own.
    X
        Shape (n, p).
    features
        case_id and the p features by name, one row per case of the study.
    copies
        Features from regions drawn otherwise, for the stability filter: one array of shape
        (m, n, p) for each way of drawing, NaN where a case has none.
    """

    rows: pd.DataFrame
    X: Floats
    features: pd.DataFrame
    copies: tuple[Floats, ...] = ()

    def take(self, index: Indices) -> "Cases":
        """Return the cases at these positions, in this order."""
        copies = tuple(drawn[:, index] for drawn in self.copies)
        rows = self.rows.iloc[index].reset_index(drop=True)
        return replace(self, rows=rows, X=self.X[index], copies=copies)

    def where(self, *splits: str) -> "Cases":
        """Return the cases of these splits."""
        return self.take(np.flatnonzero(self.rows["split"].isin(splits).to_numpy()))

    @property
    def names(self) -> tuple[str, ...]:
        """The p names."""
        return feature_names(self.features)

    @property
    def y(self) -> Indices:
        """0 or 1, shape (n,)."""
        return self.rows["y"].to_numpy(dtype=np.int64)

    @property
    def patients(self) -> npt.NDArray[np.str_]:
        """Patient of each case, shape (n,), one and the same for all copies of a patient."""
        name = "original_patient" if "original_patient" in self.rows else "patient_id"
        return self.rows[name].to_numpy(dtype=str)


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
        The selection; None when no model uses deep features.
    models
        By name.
    screened
        The clinical variables that a screening kept.
    """

    chain: chain.Chain | None
    models: Mapping[str, Fitted]
    screened: tuple[str, ...]

    def predict(self, cases: Cases) -> dict[str, Floats]:
        """Return each model's probabilities of these cases, shape (n,)."""
        return {
            name: np.asarray(expit(fitted.linear_predictor(cases.rows, cases.features)))
            for name, fitted in self.models.items()
        }

    @property
    def selected(self) -> list[tuple[str, str]]:
        """What was chosen from data, as (kind, name): deep features, clinical variables."""
        deep = () if self.chain is None else tuple(self.chain.selected["feature"].iloc[1:])
        return [
            *(("deep feature", str(name)) for name in deep),
            *(("clinical variable", name) for name in self.screened),
        ]


def gather(
    included: pd.DataFrame, features: pd.DataFrame, redrawn: Sequence[pd.DataFrame] = ()
) -> Cases:
    """Return the included cases of all splits, in the order of case_id.

    `redrawn` are tables of case_id, copy and the features from regions drawn otherwise.
    """
    rows = included.sort_values("case_id").reset_index(drop=True)
    names = feature_names(features)
    X = feature_matrix(features, rows["case_id"], names)
    copies = tuple(feature_copies(table, rows["case_id"], names) for table in redrawn)
    return Cases(rows, X, features[["case_id", *names]], copies)


def fit(cases: Cases, plan: Plan, *, seed: int) -> Refit:
    """Fit everything on these cases and on nothing else.

    Parameters
    ----------
    cases
        Training cases. Those of one patient, and of its copies, share a fold.
    plan
        What is fitted.
    seed
        Deals the folds, as the study's seed does for the study.

    Raises
    ------
    StudyError
        When these cases cannot be fitted, for want of patients or of a class.
    """
    basis = str(plan.selection.get("training_scores", "out_of_fold"))
    recipes = [
        Recipe(name, spec, plan.clinical, plan.screening, basis, seed)
        for name, spec in plan.models.items()
    ]
    selection = None
    # A model without deep features asks nothing of this.
    deep = DeepInput(np.zeros(len(cases.y)), False, pd.DataFrame(), cases.features)
    if any(recipe.uses_deep for recipe in recipes):
        selection = _chain(cases, plan.selection, seed)
        scores = selection.score(cases.X)
        if basis == "out_of_fold":
            scores = _out_of_fold(cases, plan.selection, seed)
        informs = len(selection.columns) > 0
        deep = DeepInput(scores, informs, selection.selected, cases.features)
    settled, screened = _screened(recipes, cases.rows)
    models = {recipe.name: recipe.fit(cases.rows, deep) for recipe in settled}
    return Refit(selection, models, screened)


def _screened(
    recipes: Sequence[Recipe], rows: pd.DataFrame
) -> tuple[list[Recipe], tuple[str, ...]]:
    """Return the recipes with screened variables named, and all of these: each done once."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    settled = []
    for recipe in recipes:
        if recipe.wanted != "screened":
            settled.append(recipe)
            continue
        without = tuple(recipe.spec.get("without", ()))
        if without not in found:
            found[without] = recipe.variables(rows)
        settled.append(replace(recipe, spec={**recipe.spec, "clinical": list(found[without])}))
    return settled, tuple(dict.fromkeys(name for kept in found.values() for name in kept))


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
