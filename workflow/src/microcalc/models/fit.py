"""Fitting of models: one function for the clinical, the deep, the combined and any other."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from microcalc.config.cohort_settings import Labels
from microcalc.config.model_settings import ThresholdSettings
from microcalc.config.networks import OWN_NETWORK
from microcalc.core.errors import StudyError
from microcalc.core.files import digest_value
from microcalc.models import frozen, notes, provenance, threshold
from microcalc.models.clinical import training_rows
from microcalc.models.recipe import DeepInput, Fitted, Recipe, deep_scores
from microcalc.models.training_tables import Tables
from microcalc.selection.training import feature_names

logger = logging.getLogger(__name__)


def fit_models(
    recipes: Iterable[Recipe],
    tables: Mapping[str, Tables],
    *,
    threshold: ThresholdSettings,
    labels: Labels,
) -> tuple[list[frozen.FrozenModel], list[pd.DataFrame]]:
    """Fit each model on the tables, given by network, of the one it takes; see `fit_model`."""
    fitted = [
        fit_model(recipe, tables[recipe.spec.network], threshold=threshold, labels=labels)
        for recipe in recipes
    ]
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
    A model with clinical terms and the deep score is fitted on out-of-fold deep scores; to
    predict fold j in its turn, on scores from chains that saw neither their own fold nor j. Each
    of these fits leaves the score out where its coefficient would not be above 0, for itself.

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
        When the model uses nothing, or a table lacks a training case.
    """
    recipe.check()
    rows = training_rows(tables.included)
    scores = _Scores(tables, rows["case_id"])
    in_sample = recipe.training_scores == "apparent"
    deep = DeepInput(
        scores.in_sample() if in_sample else scores.out_of_fold(),
        len(tables.selected) > 1,
        tables.selected,
        tables.features,
    )
    fitted = recipe.fit(rows, deep)
    apparent = fitted.linear_predictor(rows, tables.features)
    out_of_fold = _out_of_fold(recipe, rows, scores)
    training = pd.concat(
        pd.DataFrame({"case_id": rows["case_id"], "kind": kind, "probability": expit(logit)})
        for kind, logit in (("apparent", apparent), ("out_of_fold", out_of_fold))
    )
    training = training.sort_values(["case_id", "kind"]).reset_index(drop=True)
    model = _freeze(recipe, tables, rows, fitted, training, threshold, labels)
    return model, training


class _Scores:
    """The deep scores of the training cases, in the order of `case_ids`."""

    def __init__(self, tables: Tables, case_ids: "pd.Series[str]") -> None:
        self.tables, self.case_ids = tables, case_ids
        grid = tables.crossfit.pivot_table(
            index="case_id", columns="also_left_out", values="deep_score"
        )
        fold = tables.crossfit.drop_duplicates("case_id").set_index("case_id")["fold"]
        absent = sorted(set(case_ids) - set(grid.index))
        if absent:
            raise StudyError.listing(
                "training cases without a cross-fitted score (selection/crossfit.csv is from "
                "other data; run select_features again):",
                [f"case {case_id}" for case_id in absent],
            )
        self.fold = fold.loc[list(case_ids)].to_numpy()
        self.grid = grid.loc[list(case_ids)]

    def without(self, j: int) -> NDArray[np.float64]:
        """Return scores from chains that saw neither the case's own fold nor fold j."""
        return self.grid[j].to_numpy()

    def out_of_fold(self) -> NDArray[np.float64]:
        """Return scores from chains that did not see the case's own fold."""
        scores = np.empty(len(self.fold))
        for j in np.unique(self.fold):
            scores[self.fold == j] = self.without(j)[self.fold == j]
        return scores

    def selected_without(self, j: int) -> pd.DataFrame:
        """Return `selected` of the chain that did not see fold j."""
        table = self.tables.crossfit_selected
        return table[table["fold"] == j].drop(columns="fold").reset_index(drop=True)

    def in_sample_without(self, j: int) -> NDArray[np.float64]:
        """Return scores of the chain that saw all folds but j."""
        return deep_scores(self.tables.features, self.case_ids, self.selected_without(j))

    def in_sample(self) -> NDArray[np.float64]:
        """Return scores of the final chain, which was fitted on these very cases."""
        return deep_scores(self.tables.features, self.case_ids, self.tables.selected)


def _out_of_fold(recipe: Recipe, rows: pd.DataFrame, scores: _Scores) -> NDArray[np.float64]:
    logits, features = np.empty(len(rows)), scores.tables.features
    for j in np.unique(scores.fold):
        out, chain = scores.fold == j, scores.selected_without(j)
        in_sample = recipe.training_scores == "apparent"
        score = scores.in_sample_without(j) if in_sample else scores.without(j)
        deep = DeepInput(score[~out], len(chain) > 1, chain, features)
        fitted = recipe.fit(rows[~out].reset_index(drop=True), deep)
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
    features = tables.features[["case_id", *feature_names(tables.features)]]
    model: frozen.FrozenModel = {
        "schema": frozen.SCHEMA_VERSION,
        "name": recipe.name,
        "labels": classes,
        "method": equation.method,
        **equation.to_json(),
        "deep": _deep_part(tables, fitted.selected, recipe) if equation.needs_deep_score else None,
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
            "digest": provenance.digest_cases(
                rows, candidates, features if recipe.spec.uses_deep else None
            ),
        },
        "settings_digest": _settings_digest(recipe, rule, classes),
        "versions": provenance.versions(),
    }
    return frozen.check(model, f"{recipe.name}.json")


def _settings_digest(recipe: Recipe, rule: ThresholdSettings, classes: frozen.ClassNames) -> str:
    clinical = {name: variable.plain() for name, variable in recipe.clinical.items()}
    sections = (recipe.spec.plain(), recipe.screening.plain(), clinical, rule.plain(), classes)
    return digest_value([*sections, recipe.training_scores, recipe.seed])


def _deep_part(tables: Tables, selected: pd.DataFrame, recipe: Recipe) -> frozen.DeepPart:
    survivors = selected.iloc[1:].rename(columns={"feature": "name"})
    features: Any = survivors[["name", "mean", "sd", "coefficient"]].to_dict("records")
    part: frozen.DeepPart = {
        "intercept": float(selected["coefficient"].iloc[0]),
        "features": features,
        "weights": tables.weights,
        "preprocessing": tables.preprocessing,
    }
    if recipe.spec.network != OWN_NETWORK:
        part["network"] = recipe.spec.network
    return part
