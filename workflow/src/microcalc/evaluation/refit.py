"""The whole chain, from scaling to models, fitted again on other cases than the study's own.

Scaler, filters, mRMR, LASSO, clinical screening and models: nothing of the study's own fit is
kept. Fitted on the study's training cases with the study's seed it gives the study's models.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from microcalc.config.clinical_settings import ClinicalVariables, ScreeningSettings
from microcalc.config.model_settings import ModelSettings
from microcalc.config.networks import OWN_NETWORK
from microcalc.config.selection_settings import SelectionSettings
from microcalc.core import seeds
from microcalc.core.files import read_parquet
from microcalc.images import included
from microcalc.models.recipe import DeepInput, Fitted, Recipe
from microcalc.selection import chain
from microcalc.selection.training import feature_copies, feature_matrix, feature_names
from microcalc.statistics.arrays import Floats
from microcalc.statistics.folds import assign_folds

Indices = npt.NDArray[np.int64]
Path = str | os.PathLike[str]


@dataclass(frozen=True)
class Deep:
    """A network's deep features of n cases.

    Attributes
    ----------
    X
        Shape (n, p).
    names
        Those of the p features.
    table
        case_id and the p features by name, one row per case of the study.
    copies
        Features from regions drawn otherwise, for the stability filter: one array of shape
        (m, n, p) for each way of drawing, NaN where a case has none.
    """

    X: Floats
    names: tuple[str, ...]
    table: pd.DataFrame
    copies: tuple[Floats, ...] = ()

    def take(self, index: Indices) -> "Deep":
        """Return the features of the cases at these positions."""
        copies = tuple(drawn[:, index] for drawn in self.copies)
        return replace(self, X=self.X[index], copies=copies)


@dataclass(frozen=True)
class Cases:
    """Cases with their deep features; one may stand here more than once.

    Attributes
    ----------
    rows
        case_id, patient_id, center, split, y and the clinical columns, n rows; in a bootstrap
        sample also `original_patient`, and every copy of a patient is a patient_id of its own.
    deep
        Their deep features, by network.
    """

    rows: pd.DataFrame
    deep: Mapping[str, Deep]

    def take(self, index: Indices) -> "Cases":
        """Return the cases at these positions, in this order."""
        rows = self.rows.iloc[index].reset_index(drop=True)
        return Cases(rows, {name: own.take(index) for name, own in self.deep.items()})

    def where(self, *splits: str) -> "Cases":
        """Return the cases of these splits."""
        return self.take(np.flatnonzero(self.rows["split"].isin(splits).to_numpy()))

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
    """What is fitted, and how.

    Attributes
    ----------
    models, clinical, screening, selection
        The config's sections of these names.
    min_icc
        The least stability that is asked of a feature, an ICC; None asks nothing.
    """

    models: Mapping[str, ModelSettings]
    clinical: ClinicalVariables
    screening: ScreeningSettings
    selection: SelectionSettings
    min_icc: float | None


@dataclass(frozen=True)
class Refit:
    """The fitted chains and the models on top of them.

    Attributes
    ----------
    chains
        The selection from each network's features; none when no model uses deep features.
    models, networks
        Each model, and the network whose features it takes.
    screened
        The clinical variables that a screening kept.
    """

    chains: Mapping[str, chain.Chain]
    models: Mapping[str, Fitted]
    networks: Mapping[str, str]
    screened: tuple[str, ...]

    def predict(self, cases: Cases) -> dict[str, Floats]:
        """Return each model's probabilities of these cases, shape (n,)."""
        found = {}
        for name, fitted in self.models.items():
            features = cases.deep[self.networks[name]].table
            found[name] = np.asarray(expit(fitted.linear_predictor(cases.rows, features)))
        return found

    @property
    def selected(self) -> list[tuple[str, str]]:
        """What was chosen from data, as (kind, name): deep features, clinical variables."""
        deep = (
            feature_label(network, str(name))
            for network, own in self.chains.items()
            for name in own.selected["feature"].iloc[1:]
        )
        return [
            *(("deep feature", name) for name in deep),
            *(("clinical variable", name) for name in self.screened),
        ]


def feature_label(network: str, name: str) -> str:
    """Return a deep feature's name, with its network's where that is not the study's own."""
    return name if network == OWN_NETWORK else f"{network}/{name}"


def read(
    included_path: Path,
    networks: Sequence[str],
    features_paths: Sequence[Path],
    redrawn_paths: Sequence[Path],
) -> Cases:
    """Return `gather` of these files.

    `redrawn_paths` has, for each way of drawing regions otherwise, one file for each network.
    """
    features = dict(zip(networks, map(read_parquet, features_paths), strict=True))
    redrawn = {
        name: [read_parquet(path) for path in redrawn_paths[place :: len(networks)]]
        for place, name in enumerate(networks)
    }
    return gather(included.read(included_path), features, redrawn)


def gather(
    rows: pd.DataFrame,
    features: Mapping[str, pd.DataFrame],
    redrawn: Mapping[str, Sequence[pd.DataFrame]] | None = None,
) -> Cases:
    """Return the included cases of all splits, in the order of case_id.

    Parameters
    ----------
    rows
        The included cases.
    features
        By network: case_id and the deep features.
    redrawn
        By network, where there are any: tables of case_id, copy and the features from regions
        drawn otherwise.
    """
    ordered = rows.sort_values("case_id").reset_index(drop=True)
    deep = {
        name: _deep(ordered, table, (redrawn or {}).get(name, ()))
        for name, table in features.items()
    }
    return Cases(ordered, deep)


def _deep(rows: pd.DataFrame, features: pd.DataFrame, redrawn: Sequence[pd.DataFrame]) -> Deep:
    names = feature_names(features)
    X = feature_matrix(features, rows["case_id"], names)
    copies = tuple(feature_copies(table, rows["case_id"], names) for table in redrawn)
    return Deep(X, names, features[["case_id", *names]], copies)


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
    basis = plan.selection.training_scores
    recipes = Recipe.of_models(
        plan.models, plan.clinical, plan.screening, training_scores=basis, seed=seed
    )
    chains, inputs = {}, {}
    for network in dict.fromkeys(
        recipe.spec.network for recipe in recipes if recipe.spec.uses_deep
    ):
        chains[network] = _chain(cases, network, plan, seed)
        if basis == "out_of_fold":
            scores = _out_of_fold(cases, network, plan, seed)
        else:
            scores = chains[network].score(cases.deep[network].X)
        inputs[network] = DeepInput(
            scores,
            len(chains[network].columns) > 0,
            chains[network].selected,
            cases.deep[network].table,
        )
    # A model without deep features asks nothing of this.
    nothing = DeepInput(np.zeros(len(cases.y)), False, pd.DataFrame(), pd.DataFrame())
    settled, screened = _screened(recipes, cases.rows)
    models = {
        recipe.name: recipe.fit(cases.rows, inputs.get(recipe.spec.network, nothing))
        for recipe in settled
    }
    return Refit(chains, models, {recipe.name: recipe.spec.network for recipe in recipes}, screened)


def _screened(
    recipes: Sequence[Recipe], rows: pd.DataFrame
) -> tuple[list[Recipe], tuple[str, ...]]:
    """Return the recipes with screened variables named, and all of these: each done once."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    settled = []
    for recipe in recipes:
        if recipe.spec.wanted != "screened":
            settled.append(recipe)
            continue
        without = recipe.spec.without
        if without not in found:
            found[without] = recipe.variables(rows)
        spec = recipe.spec.model_copy(update={"clinical": found[without]})
        settled.append(replace(recipe, spec=spec))
    return settled, tuple(dict.fromkeys(name for kept in found.values() for name in kept))


def _chain(cases: Cases, network: str, plan: Plan, seed: int) -> chain.Chain:
    deep = cases.deep[network]
    return chain.fit(
        deep.X,
        cases.y,
        cases.patients,
        feature_names=deep.names,
        settings=plan.selection,
        seed=seed,
        copies=deep.copies,
        min_icc=plan.min_icc,
    )


def _out_of_fold(cases: Cases, network: str, plan: Plan, seed: int) -> Floats:
    """Return each case's score from a chain without its fold, dealt as `selection.crossfit`."""
    fold = assign_folds(
        cases.y,
        cases.patients,
        n_folds=plan.selection.folds,
        seed=seeds.derive(seed, "crossfit"),
    )
    scores = np.empty(len(fold))
    for k in range(plan.selection.folds):
        rest, out = np.flatnonzero(fold != k), fold == k
        fitted = _chain(cases.take(rest), network, plan, seeds.derive(seed, "crossfit", k, k))
        scores[out] = fitted.score(cases.deep[network].X[out])
    return scores
