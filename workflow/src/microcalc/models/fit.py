"""Fitting of models: one function for the clinical, the deep, the combined and any other."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from microcalc.config.cohort_settings import Labels
from microcalc.config.model_settings import ThresholdSettings
from microcalc.core.errors import StudyError
from microcalc.core.files import digest_value
from microcalc.models import frozen, notes, provenance, threshold
from microcalc.models.clinical import training_rows
from microcalc.models.recipe import Fitted, Recipe, ScoreInput, score_values
from microcalc.models.training_tables import ScoreTables, Tables

logger = logging.getLogger(__name__)


def fit_models(
    recipes: Iterable[Recipe],
    tables: Tables,
    *,
    threshold: ThresholdSettings,
    labels: Labels,
) -> tuple[list[frozen.FrozenModel], list[pd.DataFrame]]:
    """Fit each model on the tables, see `fit_model`."""
    fitted = [fit_model(recipe, tables, threshold=threshold, labels=labels) for recipe in recipes]
    return [model for model, _ in fitted], [training for _, training in fitted]


def fit_model(
    recipe: Recipe,
    tables: Tables,
    *,
    threshold: ThresholdSettings,
    labels: Labels,
) -> tuple[frozen.FrozenModel, pd.DataFrame]:
    """Fit a model on the training cases, choose its threshold, and freeze it.

    Out-of-fold probabilities repeat everything without the case's fold, screening included.
    A model with scores beside other predictors is fitted on out-of-fold scores; to predict fold j
    in its turn, on scores from chains that saw neither their own fold nor j. Each of these fits
    leaves a score out where its coefficient would not be above 0, for itself.

    Parameters
    ----------
    recipe
        How to fit.
    tables
        Only rows of split `train` are looked at.
    threshold
        The config's `threshold`.
    labels
        The config's `labels`.

    Returns
    -------
    model
        The frozen model, checked against its schema.
    training
        case_id, kind (apparent, out_of_fold), probability.

    Raises
    ------
    StudyError
        When the model uses nothing, a table lacks a training case, or the folds of its scores
        are not the same.
    """
    recipe.check()
    rows = training_rows(tables.included)
    names = recipe.spec.taken or (_whose_folds(tables),)
    folds = [_CrossFitted(name, tables.scores[name], rows["case_id"]) for name in names]
    if any((own.fold != folds[0].fold).any() for own in folds):
        raise StudyError(
            f"models.{recipe.name}: its scores {', '.join(names)} were cross-fitted in different "
            "folds, so that no case has all of them from fits that never saw it; give them the "
            "same selection.folds, or models of their own"
        )
    scores = folds if recipe.spec.taken else []
    in_sample = recipe.training_scores == "apparent"
    features = {own.name: own.tables.features for own in scores}
    inputs = {own.name: own.whole(in_sample=in_sample) for own in scores}
    fitted = recipe.fit(rows, inputs)
    apparent = fitted.linear_predictor(rows, features)
    out_of_fold = _out_of_fold(recipe, rows, folds[0].fold, scores)
    training = pd.concat(
        pd.DataFrame({"case_id": rows["case_id"], "kind": kind, "probability": expit(logit)})
        for kind, logit in (("apparent", apparent), ("out_of_fold", out_of_fold))
    )
    training = training.sort_values(["case_id", "kind"]).reset_index(drop=True)
    model = _freeze(recipe, tables, rows, fitted, training, threshold, labels)
    return model, training


def _whose_folds(tables: Tables) -> str:
    """Return the score in whose folds a model without one is validated: the first that selects."""
    frozen_networks = (
        name
        for name, score in tables.scores.items()
        if all(part["kind"] != "finetuned" for part in score.parts.values())
    )
    return next(frozen_networks)


class _CrossFitted:
    """A score of the training cases, in the order of `case_ids`."""

    def __init__(self, name: str, tables: ScoreTables, case_ids: "pd.Series[str]") -> None:
        self.name, self.tables, self.case_ids = name, tables, case_ids
        grid = tables.crossfit.pivot_table(index="case_id", columns="also_left_out", values="score")
        fold = tables.crossfit.drop_duplicates("case_id").set_index("case_id")["fold"]
        absent = sorted(set(case_ids) - set(grid.index))
        if absent:
            raise StudyError.listing(
                f"training cases without a cross-fitted score (selection/{name}/crossfit.csv is "
                "from other data; make it again):",
                [f"case {case_id}" for case_id in absent],
            )
        self.fold = fold.loc[list(case_ids)].to_numpy()
        self.grid = grid.loc[list(case_ids)]

    def whole(self, *, in_sample: bool) -> ScoreInput:
        """Return the score for a fit on all cases.

        Its values are from the final chain, which was fitted on these very cases, or from chains
        that did not see the case's own fold.
        """
        if in_sample:
            return self._input(self.tables.selected, self._by(self.tables.selected))
        values = np.empty(len(self.fold))
        for j in np.unique(self.fold):
            values[self.fold == j] = self.grid[j].to_numpy()[self.fold == j]
        return self._input(self.tables.selected, values)

    def without(self, j: int, *, in_sample: bool) -> ScoreInput:
        """Return the score for a fit on the cases outside fold j.

        Its values are from the chain that saw all folds but j, or from chains that saw neither
        the case's own fold nor j.
        """
        table = self.tables.crossfit_selected
        selected = table[table["fold"] == j].drop(columns="fold").reset_index(drop=True)
        values = self._by(selected) if in_sample else self.grid[j].to_numpy()
        return self._input(selected, values[self.fold != j])

    def _by(self, selected: pd.DataFrame) -> NDArray[np.float64]:
        return score_values(self.tables.features, self.case_ids, selected)

    def _input(self, selected: pd.DataFrame, values: NDArray[np.float64]) -> ScoreInput:
        return ScoreInput(self.name, self.tables.learner, values, selected, self.tables.features)


def _out_of_fold(
    recipe: Recipe,
    rows: pd.DataFrame,
    fold: NDArray[np.int64],
    scores: Sequence[_CrossFitted],
) -> NDArray[np.float64]:
    logits = np.empty(len(rows))
    features = {own.name: own.tables.features for own in scores}
    in_sample = recipe.training_scores == "apparent"
    for j in np.unique(fold):
        out = fold == j
        inputs = {own.name: own.without(j, in_sample=in_sample) for own in scores}
        fitted = recipe.fit(rows[~out].reset_index(drop=True), inputs)
        logits[out] = fitted.linear_predictor(rows[out], features)
    return logits


def _freeze(
    recipe: Recipe,
    tables: Tables,
    rows: pd.DataFrame,
    fitted: Fitted,
    training: pd.DataFrame,
    rule: ThresholdSettings,
    labels: Labels,
) -> frozen.FrozenModel:
    basis = training[training["kind"] == rule.scores]
    chosen = threshold.choose(
        rows["y"], basis["probability"], rule=rule.rule, at_least=rule.at_least
    )
    # The config's excluded labels are no model's matter.
    classes: frozen.ClassNames = {"negative": labels.negative, "positive": labels.positive}
    equation = fitted.equation
    told = notes.of_model(recipe, fitted, tables, rule)
    for note in told:
        logger.warning("model %s: %s", recipe.name, note)
    candidates = list(recipe.clinical) if recipe.uses_clinical else []
    features = [tables.scores[name].features for name in recipe.spec.taken]
    parts = {
        table: part for name in equation.scores for table, part in tables.scores[name].parts.items()
    }
    model: frozen.FrozenModel = {
        "schema": frozen.SCHEMA_VERSION,
        "name": recipe.name,
        "labels": classes,
        "method": equation.method,
        **equation.to_json(),
        "scores": [
            _score_part(name, tables.scores[name], fitted.selected[name])
            for name in equation.scores
        ],
        "tables": parts,
        "threshold": chosen.value,
        "threshold_rule": {
            "rule": rule.rule,
            "at_least": rule.at_least,
            "scores": rule.scores,
            "sensitivity": chosen.sensitivity,
            "specificity": chosen.specificity,
        },
        "notes": told,
        "training": {
            "n": equation.n,
            "n_positive": equation.n_positive,
            "digest": provenance.digest_cases(rows, candidates, features),
        },
        "settings_digest": _settings_digest(recipe, rule, classes),
        "versions": provenance.versions(),
    }
    return frozen.check(model, f"{recipe.name}.json")


def _settings_digest(recipe: Recipe, rule: ThresholdSettings, classes: frozen.ClassNames) -> str:
    clinical = {name: variable.plain() for name, variable in recipe.clinical.items()}
    sections = (recipe.spec.plain(), recipe.screening.plain(), clinical, rule.plain(), classes)
    return digest_value([*sections, recipe.training_scores, recipe.seed])


def _score_part(name: str, tables: ScoreTables, selected: pd.DataFrame) -> frozen.ScorePart:
    survivors = selected.iloc[1:].rename(columns={"feature": "name"})
    features: Any = survivors[["name", "mean", "sd", "coefficient"]].to_dict("records")
    return {
        "name": name,
        "learner": tables.learner,
        "tables": list(tables.parts),
        "intercept": float(selected["coefficient"].iloc[0]),
        "features": features,
    }
