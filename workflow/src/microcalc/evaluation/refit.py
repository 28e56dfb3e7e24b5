"""The whole chain, from scaling to models, fitted again on other cases than the study's own.

Scaler, filters, mRMR, LASSO, clinical screening and models: nothing of the study's own fit is
kept. Fitted on the study's training cases with the study's seed it gives the study's models.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from microcalc.config.clinical_settings import ClinicalVariables, ScreeningSettings
from microcalc.config.model_settings import ModelSettings
from microcalc.config.score_names import score_words
from microcalc.config.selection_settings import SelectionSettings
from microcalc.core import seeds
from microcalc.core.files import read_parquet
from microcalc.features.columns import feature_names
from microcalc.images import included
from microcalc.models.recipe import Fitted, Recipe, ScoreInput
from microcalc.selection import chain
from microcalc.selection.training import feature_matrix, joined, redrawn_features
from microcalc.statistics.arrays import Floats
from microcalc.statistics.folds import assign_folds

Indices = npt.NDArray[np.int64]
Path = str | os.PathLike[str]


@dataclass(frozen=True)
class Columns:
    """The features of n cases that a score is made of.

    Attributes
    ----------
    learner, tables
        Those of the score, see `plan.rule_params.scores`.
    X
        Shape (n, p).
    names
        Those of the p features.
    table
        case_id and the p features by name, one row per case of the study.
    redrawn
        The n cases' features from regions drawn otherwise, for the stability filter.
    """

    learner: str
    tables: tuple[str, ...]
    X: Floats
    names: tuple[str, ...]
    table: pd.DataFrame
    redrawn: tuple[chain.Redrawn, ...] = ()

    def take(self, index: Indices) -> "Columns":
        """Return the features of the cases at these positions.

        Parameters
        ----------
        index
            Positions, shape (k,); one may stand here more than once.

        Returns
        -------
        Columns
            Of k cases; `table` stays whole.
        """
        redrawn = tuple(drawn.take(index) for drawn in self.redrawn)
        return replace(self, X=self.X[index], redrawn=redrawn)


@dataclass(frozen=True)
class Cases:
    """Cases with their features; one may stand here more than once.

    Attributes
    ----------
    rows
        case_id, patient_id, center, split, y and the clinical columns, n rows; in a bootstrap
        sample also `original_patient`, and every copy of a patient is a patient_id of its own.
    columns
        What each score is made of, by its name.
    """

    rows: pd.DataFrame
    columns: Mapping[str, Columns]

    def take(self, index: Indices) -> "Cases":
        """Return the cases at these positions, in this order.

        Parameters
        ----------
        index
            Positions, shape (k,); one may stand here more than once.

        Returns
        -------
        Cases
            Of k cases.
        """
        rows = self.rows.iloc[index].reset_index(drop=True)
        return Cases(rows, {name: own.take(index) for name, own in self.columns.items()})

    def where(self, *splits: str) -> "Cases":
        """Return the cases of these splits.

        Parameters
        ----------
        splits
            Some of train, internal and external.

        Returns
        -------
        Cases
            In their order; none where the splits have none.
        """
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
    models, clinical, screening
        The config's sections of these names.
    selections
        How each score selects.
    training_scores
        The config's `selection.training_scores`.
    """

    models: Mapping[str, ModelSettings]
    clinical: ClinicalVariables
    screening: ScreeningSettings
    selections: Mapping[str, SelectionSettings]
    training_scores: str


@dataclass(frozen=True)
class Refit:
    """The fitted chains and the models on top of them.

    Attributes
    ----------
    chains
        The selection of each score that a model takes.
    models
        Each model.
    tables
        The tables of columns that each score is made of.
    screened
        The clinical variables that a screening kept.
    """

    chains: Mapping[str, chain.Chain]
    models: Mapping[str, Fitted]
    tables: Mapping[str, tuple[str, ...]]
    screened: tuple[str, ...]

    def predict(self, cases: Cases) -> dict[str, Floats]:
        """Return each model's probabilities of these cases.

        Parameters
        ----------
        cases
            n cases of any split, with the columns that the models take.

        Returns
        -------
        dict of numpy.ndarray
            By model, shape (n,).

        Raises
        ------
        StudyError
            When a column is absent, or a case has no features.
        """
        features = {name: own.table for name, own in cases.columns.items()}
        return {
            name: np.asarray(expit(fitted.linear_predictor(cases.rows, features)))
            for name, fitted in self.models.items()
        }

    @property
    def selected(self) -> list[tuple[str, str]]:
        """What was chosen from data, as (kind, name): features of scores, clinical variables."""
        chosen = (
            (feature_kind(score, self.tables[score]), str(name))
            for score, own in self.chains.items()
            for name in own.selected["feature"].iloc[1:]
        )
        return [*chosen, *(("clinical variable", name) for name in self.screened)]


def feature_kind(score: str, tables: Sequence[str]) -> str:
    """Return what a feature that a score selected is called among what was chosen.

    Parameters
    ----------
    score, tables
        The score, and the tables of columns that it is made of.

    Returns
    -------
    str
        "deep feature" of a score called deep that is made of the set deep alone; "feature of the
        deep score" of one that is made of other tables.

    Examples
    --------
    >>> from microcalc.evaluation import refit
    >>> refit.feature_kind("deep", ["deep"]), refit.feature_kind("fusion", ["deep", "mri"])
    ('deep feature', 'feature of the fusion score')
    """
    if list(tables) == [score]:
        return f"{score.replace('_', ' ')} feature"
    return f"feature of the {score_words(score)}"


def read(
    included_path: Path,
    scores: Mapping[str, Mapping[str, Any]],
    features_paths: Sequence[Path],
    redrawn_paths: Sequence[Path],
    least_iccs: Sequence[float],
) -> Cases:
    """Return the cases of a study with their features, from its files.

    Parameters
    ----------
    included_path
        `images/included.csv`.
    scores
        By score, `tables` and `learner`, see `plan.rule_params.scores`.
    features_paths
        One file for each table of columns, in the order in which scores first name them.
    redrawn_paths
        Tables of features from regions drawn otherwise, each of one set.
    least_iccs
        The least stability that each of them is asked for.

    Returns
    -------
    Cases
        As from `gather`.

    Raises
    ------
    StudyError
        When a file is damaged, or as `gather`.
    """
    tables = dict.fromkeys(table for made in scores.values() for table in made["tables"])
    features = dict(zip(tables, map(read_parquet, features_paths), strict=True))
    redrawn = list(zip(map(read_parquet, redrawn_paths), least_iccs, strict=True))
    return gather(included.read(included_path), scores, features, redrawn)


def gather(
    rows: pd.DataFrame,
    scores: Mapping[str, Mapping[str, Any]],
    features: Mapping[str, pd.DataFrame],
    redrawn: Sequence[tuple[pd.DataFrame, float]] = (),
) -> Cases:
    """Return the included cases of all splits, in the order of case_id.

    Parameters
    ----------
    rows
        The included cases.
    scores
        By score, `tables` and `learner`.
    features
        case_id and features, by table of columns.
    redrawn
        Tables of case_id, copy and the features of a set from regions drawn otherwise, each with
        the least stability that is asked for.

    Returns
    -------
    Cases
        With the columns of each of `scores`.

    Raises
    ------
    StudyError
        When a table lacks a case or holds it twice, two tables of a score have a column of the same
        name, or the features from regions drawn otherwise are not those of their set.
    """
    ordered = rows.sort_values("case_id").reset_index(drop=True)
    columns = {}
    for name, made in scores.items():
        whole = joined([features[table] for table in made["tables"]])
        names = feature_names(whole.columns)
        own = [entry for entry in redrawn if not set(names).isdisjoint(entry[0].columns)]
        drawn, least_iccs = [table for table, _ in own], [least for _, least in own]
        columns[name] = Columns(
            made["learner"],
            tuple(made["tables"]),
            feature_matrix(whole, ordered["case_id"], names),
            names,
            whole[["case_id", *names]],
            tuple(redrawn_features(drawn, least_iccs, ordered["case_id"], names)),
        )
    return Cases(ordered, columns)


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

    Returns
    -------
    Refit
        The chains of the scores that models take, and the models.

    Raises
    ------
    StudyError
        When these cases cannot be fitted, for want of patients or of a class.
    """
    recipes = Recipe.of_models(
        plan.models,
        plan.clinical,
        plan.screening,
        training_scores=plan.training_scores,
        seed=seed,
    )
    chains, inputs = {}, {}
    for name in dict.fromkeys(score for recipe in recipes for score in recipe.spec.taken):
        own = cases.columns[name]
        chains[name] = _chain(cases, name, plan, seed)
        if plan.training_scores == "out_of_fold":
            values = _out_of_fold(cases, name, plan, seed)
        else:
            values = chains[name].score(own.X)
        inputs[name] = ScoreInput(name, own.learner, values, chains[name].selected, own.table)
    settled, screened = _screened(recipes, cases.rows)
    models = {recipe.name: recipe.fit(cases.rows, inputs) for recipe in settled}
    tables = {name: own.tables for name, own in cases.columns.items()}
    return Refit(chains, models, tables, screened)


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


def _chain(cases: Cases, score: str, plan: Plan, seed: int) -> chain.Chain:
    own = cases.columns[score]
    return chain.fit(
        own.X,
        cases.y,
        cases.patients,
        feature_names=own.names,
        settings=plan.selections[score],
        seed=seed,
        redrawn=own.redrawn,
    )


def _out_of_fold(cases: Cases, score: str, plan: Plan, seed: int) -> Floats:
    """Return each case's score from a chain without its fold, dealt as `selection.crossfit`."""
    n_folds = plan.selections[score].folds
    fold = assign_folds(
        cases.y, cases.patients, n_folds=n_folds, seed=seeds.derive(seed, "crossfit")
    )
    scores = np.empty(len(fold))
    for k in range(n_folds):
        rest, out = np.flatnonzero(fold != k), fold == k
        fitted = _chain(cases.take(rest), score, plan, seeds.derive(seed, "crossfit", k, k))
        scores[out] = fitted.score(cases.columns[score].X[out])
    return scores
