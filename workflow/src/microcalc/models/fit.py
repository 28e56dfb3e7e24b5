"""One function fits every model: clinical, deep, combined, or any other row of the table."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from microcalc.errors import StudyError
from microcalc.files import digest_value
from microcalc.models import design, frozen, logistic, provenance, threshold
from microcalc.models.clinical import screen, training_rows, usable
from microcalc.models.design import DEEP_SCORE
from microcalc.models.equation import Equation, deep_score_alone
from microcalc.models.tables import Tables
from microcalc.selection.chain import linear_predictor
from microcalc.selection.training import feature_matrix, feature_names

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How a model is fitted, wherever it is fitted: on all training cases or without a fold.

    Attributes
    ----------
    name
        The model's name in the config.
    spec
        `clinical`: "none", "screened", or a list of variables fixed beforehand;
        `deep`: "none" or "score".
    clinical
        The config's `clinical`.
    screening
        The config's `screening`.
    """

    name: str
    spec: Mapping[str, Any]
    clinical: Mapping[str, Mapping[str, Any]]
    screening: Mapping[str, Any]

    @property
    def uses_deep(self) -> bool:
        """Whether the deep score is a predictor."""
        return bool(self.spec.get("deep", "none") != "none")

    @property
    def uses_clinical(self) -> bool:
        """Whether clinical variables are candidates."""
        return bool(self.spec.get("clinical", "none") != "none")

    def variables(self, rows: pd.DataFrame) -> tuple[str, ...]:
        """Return the clinical predictors, screened on these rows where the spec says so."""
        wanted = self.spec.get("clinical", "none")
        if wanted == "none":
            return ()
        if wanted == "screened":
            return screen(rows, clinical=self.clinical, settings=self.screening).kept
        return tuple(wanted)

    def fit(self, rows: pd.DataFrame, *, deep_informs: bool) -> Equation:
        """Fit on training cases with their column `deep_score`.

        `deep_informs` is False when the selection kept no feature: the score is then the
        same for every case and is no predictor.
        """
        if not self.uses_clinical:
            return deep_score_alone(len(rows), int(rows["y"].sum()))
        variables = self.variables(rows)
        rows = usable(rows, variables, self.screening["missing"])
        coding = design.fit(rows, variables, self.clinical)
        if self.uses_deep and deep_informs:
            coding = coding.with_deep_score()
        fitted = logistic.fit(coding.matrix(rows), rows["y"], names=coding.columns)
        return Equation(
            coding,
            float(fitted.coefficients[0]),
            tuple(float(value) for value in fitted.coefficients[1:]),
            f"logistic regression, {fitted.method}",
            fitted.n,
            fitted.n_positive,
        )


def fit_model(
    recipe: Recipe,
    tables: Tables,
    *,
    threshold: Mapping[str, str],
    labels: Mapping[str, str],
) -> tuple[frozen.FrozenModel, pd.DataFrame]:
    """Fit a model on the training cases, choose its threshold, and freeze it.

    Out-of-fold probabilities repeat everything without the case's fold, screening included.
    A model with clinical terms and the deep score is fitted on out-of-fold deep scores; to
    predict fold j in its turn, on scores from chains that saw neither their own fold nor j.

    Parameters
    ----------
    recipe
        How to fit.
    tables
        Only rows of split `train` are looked at.
    threshold
        The config's `threshold`: scores, "out_of_fold" or "apparent".
    labels
        The config's `labels`: negative and positive.

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
    if not (recipe.uses_clinical or recipe.uses_deep):
        raise StudyError(
            f"models.{recipe.name}: uses neither clinical variables nor the deep score; "
            "set clinical or deep"
        )
    rows = training_rows(tables.included)
    scores = _Scores(tables, rows["case_id"])
    selected_any = len(tables.selected) > 1
    equation = recipe.fit(
        rows.assign(**{DEEP_SCORE: scores.out_of_fold()}), deep_informs=selected_any
    )
    apparent = equation.linear_predictor(rows.assign(**{DEEP_SCORE: scores.in_sample()}))
    out_of_fold = _out_of_fold(recipe, rows, scores)
    training = pd.concat(
        pd.DataFrame({"case_id": rows["case_id"], "kind": kind, "probability": expit(logit)})
        for kind, logit in (("apparent", apparent), ("out_of_fold", out_of_fold))
    )
    training = training.sort_values(["case_id", "kind"]).reset_index(drop=True)
    model = _freeze(recipe, tables, rows, equation, training, dict(threshold), _classes(labels))
    return model, training


def _classes(labels: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the two classes; the config's excluded labels are no model's matter."""
    return {name: str(labels[name]) for name in ("negative", "positive")}


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

    def in_sample(self) -> NDArray[np.float64]:
        """Return scores of the final chain, which was fitted on these very cases."""
        return deep_scores(self.tables.features, self.case_ids, self.tables.selected)


def deep_scores(
    features: pd.DataFrame, case_ids: "pd.Series[str]", selected: pd.DataFrame
) -> NDArray[np.float64]:
    """Return the final chain's linear predictor of the named cases, shape (n,)."""
    names = tuple(selected["feature"].iloc[1:])
    return linear_predictor(feature_matrix(features, case_ids, names), selected)


def _out_of_fold(recipe: Recipe, rows: pd.DataFrame, scores: _Scores) -> NDArray[np.float64]:
    logits = np.empty(len(rows))
    for j in np.unique(scores.fold):
        out = scores.fold == j
        with_scores = rows.assign(**{DEEP_SCORE: scores.without(j)})
        own = with_scores.loc[out, DEEP_SCORE]
        # A chain that kept nothing gives every case of the fold one and the same score.
        informs = len(own) == 1 or bool((own != own.iloc[0]).any())
        equation = recipe.fit(with_scores[~out].reset_index(drop=True), deep_informs=informs)
        logits[out] = equation.linear_predictor(with_scores[out])
    return logits


def _freeze(
    recipe: Recipe,
    tables: Tables,
    rows: pd.DataFrame,
    equation: Equation,
    training: pd.DataFrame,
    rule: dict[str, str],
    labels: dict[str, str],
) -> frozen.FrozenModel:
    basis = training[training["kind"] == rule["scores"]]
    chosen = threshold.youden(rows["y"], basis["probability"])
    used = [term.variable for term in equation.design.terms if term.kind != "deep"]
    notes = [] if used or not recipe.uses_clinical else ["no clinical variable was kept"]
    if recipe.uses_deep and len(tables.selected) == 1:
        notes.append("the LASSO kept no feature: the deep score is the same for every case")
    if rule["scores"] == "apparent":
        notes.append("the threshold was chosen on apparent scores, which are optimistic")
    for note in notes:
        logger.warning("model %s: %s", recipe.name, note)
    candidates = list(recipe.clinical) if recipe.uses_clinical else []
    features = tables.features[["case_id", *feature_names(tables.features)]]
    model = {
        "schema": frozen.SCHEMA_VERSION,
        "name": recipe.name,
        "labels": labels,
        "method": equation.method,
        **equation.to_json(),
        "deep": _deep_part(tables) if equation.needs_deep_score else None,
        "threshold": chosen.value,
        "threshold_rule": {
            **rule,
            "sensitivity": chosen.sensitivity,
            "specificity": chosen.specificity,
        },
        "notes": notes,
        "training": {
            "n": equation.n,
            "n_positive": equation.n_positive,
            "digest": provenance.digest_cases(
                rows, candidates, features if recipe.uses_deep else None
            ),
        },
        "settings_digest": digest_value(
            [dict(recipe.spec), recipe.screening, recipe.clinical, rule, labels]
        ),
        "versions": provenance.versions(),
    }
    return frozen.check(model, f"{recipe.name}.json")


def _deep_part(tables: Tables) -> dict[str, Any]:
    survivors = tables.selected.iloc[1:].rename(columns={"feature": "name"})
    return {
        "intercept": float(tables.selected["coefficient"].iloc[0]),
        "features": survivors[["name", "mean", "sd", "coefficient"]].to_dict("records"),
        "weights": tables.weights,
    }
