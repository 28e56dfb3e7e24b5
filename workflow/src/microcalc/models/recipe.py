"""How a model is fitted, wherever it is fitted: on all training cases or without a fold."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from microcalc.config.clinical_settings import ClinicalVariables, ScreeningSettings
from microcalc.config.model_settings import ModelSettings
from microcalc.config.score_names import score_column
from microcalc.core.errors import StudyError
from microcalc.models import regression
from microcalc.models.clinical import candidates, screen
from microcalc.models.equation import Equation, logit_calibrated, score_alone
from microcalc.selection.chain import linear_predictor
from microcalc.selection.training import feature_matrix

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreInput:
    """What a fit knows of a score.

    Attributes
    ----------
    name
        The score's.
    learner
        That of its row of the config's `scores`.
    values
        The score of the rows that are fitted on, shape (n,).
    selected
        `selected.csv` of a chain that saw these rows and no other.
    features
        case_id and the features.
    """

    name: str
    learner: str
    values: Floats
    selected: pd.DataFrame
    features: pd.DataFrame

    @property
    def informs(self) -> bool:
        """Whether the selection kept a feature: else the score is the same for every case."""
        return len(self.selected) > 1

    @property
    def column(self) -> str:
        """The score's column in a table of cases."""
        return score_column(self.name)


@dataclass(frozen=True)
class Fitted:
    """An equation, and the chains whose scores it takes.

    Attributes
    ----------
    equation
        The fitted equation.
    selected
        `selected.csv` of the chain of each score.
    left_out
        The coefficients that scores would have beside the others, which were left out for their
        sign.
    """

    equation: Equation
    selected: Mapping[str, pd.DataFrame]
    left_out: Mapping[str, float] = field(default_factory=dict)

    def linear_predictor(self, rows: pd.DataFrame, features: Mapping[str, pd.DataFrame]) -> Floats:
        """Return the log odds of cases, shape (n,), their scores being these chains'.

        Parameters
        ----------
        rows
            The cases.
        features
            By score, case_id and features.

        Returns
        -------
        numpy.ndarray
            Shape (n,).

        Raises
        ------
        StudyError
            When a case lacks features, or the rows a clinical predictor.
        """
        for name in self.equation.scores:
            values = score_values(features[name], rows["case_id"], self.selected[name])
            rows = rows.assign(**{score_column(name): values})
        return self.equation.linear_predictor(rows)


@dataclass(frozen=True)
class Recipe:
    """How a model is fitted.

    Attributes
    ----------
    name
        The model's name in the config.
    spec
        The model's row in the config.
    clinical
        The config's `clinical`.
    screening
        The config's `screening`.
    training_scores
        The config's `selection.training_scores`.
    seed
        The study's seed, which deals the multiple imputations.
    """

    name: str
    spec: ModelSettings
    clinical: ClinicalVariables
    screening: ScreeningSettings
    training_scores: str
    seed: int

    @classmethod
    def of_models(
        cls,
        models: Mapping[str, ModelSettings],
        clinical: ClinicalVariables,
        screening: ScreeningSettings,
        *,
        training_scores: str,
        seed: int,
    ) -> list["Recipe"]:
        """Return the recipe of each of the config's `models`.

        Parameters
        ----------
        models
            The config's `models`.
        clinical, screening, training_scores, seed
            As of `Recipe`, common to all.

        Returns
        -------
        list of Recipe
            In the config's order.
        """
        how = (clinical, screening, training_scores, seed)
        return [cls(name, spec, *how) for name, spec in models.items()]

    @property
    def uses_clinical(self) -> bool:
        """Whether columns of the case table are candidates."""
        return self.spec.wanted != "none"

    @property
    def apparent(self) -> tuple[str, ...]:
        """The scores that the model is fitted on for cases that their selection has seen."""
        refits = not self.spec.is_score_alone and self.training_scores == "apparent"
        return (*(self.spec.scores if refits else ()), *self.spec.features_of)

    def check(self) -> None:
        """Refuse a model that is made of nothing.

        Raises
        ------
        StudyError
            When the spec names neither clinical variables nor a score.
        """
        if not (self.uses_clinical or self.spec.taken):
            raise StudyError(
                f"models.{self.name}: uses neither clinical variables nor a score; set clinical or "
                "scores"
            )

    def variables(self, rows: pd.DataFrame) -> tuple[str, ...]:
        """Return the clinical predictors, screened on these rows where the spec says so.

        Parameters
        ----------
        rows
            Training cases with y and the clinical columns.

        Returns
        -------
        tuple of str
            In the config's order; in the spec's where it names them.

        Raises
        ------
        StudyError
            As `clinical.screen` does.
        """
        if self.spec.wanted != "screened":
            return candidates_of(self.spec, self.clinical, self.screening)
        chosen = candidates(self.clinical, self.spec.without)
        return screen(
            rows,
            clinical=chosen,
            settings=self.screening,
            confidence=regression.UNSHOWN,
            seed=self.seed,
        ).kept

    def fit(self, rows: pd.DataFrame, inputs: Mapping[str, ScoreInput]) -> Fitted:
        """Fit on training cases, the coefficients of scores held at 0 or above.

        A score was trained toward the positive class; beside other predictors, out-of-fold
        scores that tell nothing get a negative coefficient in every second study, and it is
        then noise (`simulations/deep_score_sign.py`). With such constraints the constrained
        maximum (as for the weights of stacked models: Breiman, Mach Learn 1996; 24: 49) is that
        of the model of the scores whose coefficients are all above 0 and beside which no other's
        would be (the conditions of Karush, Kuhn and Tucker). Features that enter one by one, and
        scores from elsewhere, are free: their direction is not known beforehand.

        Parameters
        ----------
        rows
            The training cases.
        inputs
            By score, what is known of it; `values` in the order of the rows.

        Returns
        -------
        Fitted
            The equation, and for each of its scores the chain that new cases get it from.

        Raises
        ------
        StudyError
            When the cases fitted on are not of both classes, a case lacks features, or a clinical
            variable has no column.
        """
        taken = [inputs[name] for name in self.spec.taken]
        chains = {score.name: score.selected for score in taken}
        if self.spec.is_score_alone:
            return Fitted(self._score_alone(rows, taken[0]), chains)
        taken = [score for score in taken if score.informs]
        rows = rows.assign(**{score.column: score.values for score in taken})
        others = tuple(score.column for score in taken)
        settings, clinical = self.screening, self.clinical
        tables = regression.completed(rows, clinical, settings, seed=self.seed, others=others)
        variables = self.variables(rows)
        prepared = regression.fit(
            tables, variables, clinical, settings, confidence=regression.UNSHOWN, observed=rows
        )
        used = regression.usable(rows, variables, settings.missing)
        blocks = {score.name: self._columns(used, score) for score in taken}
        kept, whole, left_out = self._held(prepared, blocks)
        widths = {name: blocks[name].shape[1] for name in kept}
        return replace(self._equation(whole, widths, chains), left_out=left_out)

    def _score_alone(self, rows: pd.DataFrame, score: ScoreInput) -> Equation:
        """Return the equation of a score, which the LASSO has in log odds already."""
        y = rows["y"].to_numpy(dtype=np.int64)
        if score.learner == "network":
            return logit_calibrated(score.name, score.values, y)
        return score_alone(score.name, len(y), int(y.sum()))

    def _columns(self, rows: pd.DataFrame, score: ScoreInput) -> Floats:
        """Return the score, or its selected features in training SDs, shape (n, k)."""
        if score.name in self.spec.scores:
            return rows[[score.column]].to_numpy(dtype=float)
        chosen = score.selected.iloc[1:]
        values = feature_matrix(score.features, rows["case_id"], tuple(chosen["feature"]))
        scaled: Floats = (values - chosen["mean"].to_numpy()) / chosen["sd"].to_numpy()
        return scaled

    def _held(
        self, prepared: regression.Regression, blocks: Mapping[str, Floats]
    ) -> tuple[tuple[str, ...], regression.Regression, dict[str, float]]:
        """Return the scores that stay, the fit with them, and the coefficient of each other one.

        The latter beside those that stay, not in the fit with all: there it may be above 0 for the
        sake of another score's that is below. Likelihoods are not compared, since those that
        Firth's method reaches with other columns do not tell which model is nearer to its maximum.
        """
        held = [name for name in blocks if name in self.spec.scores]
        above = []
        for n in range(len(held) + 1):
            # Of two scores that say the same, the one that is named first stays.
            for leave in combinations(reversed(held), n):
                kept = tuple(name for name in blocks if name not in leave)
                whole = _with_blocks(prepared, blocks, kept)
                slopes = _slopes(whole, blocks, kept)
                if any(slopes[name] <= 0 for name in held if name in kept):
                    continue
                left_out = {}
                for name in leave:
                    beside = (*kept, name)
                    fitted = _with_blocks(prepared, blocks, beside)
                    left_out[name] = _slopes(fitted, blocks, beside)[name]
                if all(slope <= 0 for slope in left_out.values()):
                    return kept, whole, left_out
                above.append((kept, whole, left_out))
        # Where the classes separate there may be none; then as few leave as can.
        return above[0]

    def _equation(
        self,
        whole: regression.Regression,
        widths: Mapping[str, int],
        chains: Mapping[str, pd.DataFrame],
    ) -> Fitted:
        """Return the equation of a fit whose last columns are scores', so many of each."""
        coding, values = whole.coding, whole.pooled.coefficients
        coefficients = [*values[1 : len(coding.columns) + 1]]
        selected, at = dict(chains), len(coding.columns) + 1
        for name, width in widths.items():
            own = values[at : at + width]
            at += width
            if name in self.spec.scores:
                coefficients.append(own[0])
            else:
                # The features enter one by one: as a score of their own with coefficient 1.
                selected[name] = selected[name].assign(coefficient=[0.0, *own])
                coefficients.append(1.0)
        equation = Equation(
            coding.with_scores(tuple(widths)),
            float(values[0]),
            tuple(float(value) for value in coefficients),
            f"logistic regression, {whole.method}",
            whole.n,
            int(whole.y.sum()),
        )
        return Fitted(equation, selected)


def _with_blocks(
    prepared: regression.Regression, blocks: Mapping[str, Floats], names: tuple[str, ...]
) -> regression.Regression:
    """Return a regression on clinical variables with the columns of some scores beside them."""
    if not names:
        return prepared
    extra = [blocks[name] for name in names]
    columns = (
        f"{name} {j}"
        for name, block in zip(names, extra, strict=True)
        for j in range(block.shape[1])
    )
    matrices = tuple(np.hstack([m, *extra]) for m in prepared.matrices)
    return replace(prepared, matrices=matrices, names=(*prepared.coding.columns, *columns))


def _slopes(
    fitted: regression.Regression, blocks: Mapping[str, Floats], names: tuple[str, ...]
) -> dict[str, float]:
    """Return the first coefficient of each score's columns in a regression on them all."""
    at, found = len(fitted.coding.columns) + 1, {}
    for name in names:
        found[name] = float(fitted.pooled.coefficients[at])
        at += blocks[name].shape[1]
    return found


def candidates_of(
    model: ModelSettings, clinical: ClinicalVariables, screening: ScreeningSettings
) -> tuple[str, ...]:
    """Return the clinical variables a model may use: those fixed beforehand, or all screened.

    Parameters
    ----------
    model
        The model's row in the config.
    clinical, screening
        The config's `clinical` and `screening`.

    Returns
    -------
    tuple of str
        Empty for a model without clinical variables; of an external score its column.
    """
    if isinstance(model.wanted, tuple):
        return model.wanted
    if model.wanted == "none":
        return ()
    chosen = candidates(clinical, model.without)
    if screening.method == "fixed":
        return tuple(name for name in screening.variables if name in chosen)
    return tuple(chosen)


def score_values(
    features: pd.DataFrame, case_ids: "pd.Series[str]", selected: pd.DataFrame
) -> Floats:
    """Return a chain's linear predictor of the named cases.

    Parameters
    ----------
    features
        case_id and at least the selected features.
    case_ids
        Which n cases, in which order.
    selected
        `selected.csv` of the chain.

    Returns
    -------
    numpy.ndarray
        Log odds, shape (n,).

    Raises
    ------
    StudyError
        When a case or a selected feature is not in `features`.
    """
    names = tuple(selected["feature"].iloc[1:])
    return linear_predictor(feature_matrix(features, case_ids, names), selected)
