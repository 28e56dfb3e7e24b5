"""How a model is fitted, wherever it is fitted: on all training cases or without a fold."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from microcalc.config.clinical_settings import ClinicalVariables, ScreeningSettings
from microcalc.config.model_settings import ModelSettings
from microcalc.config.networks import FINETUNED
from microcalc.core.errors import StudyError
from microcalc.models import regression
from microcalc.models.clinical import candidates, screen
from microcalc.models.design import DEEP_SCORE
from microcalc.models.equation import Equation, deep_score_alone, deep_score_calibrated
from microcalc.selection.chain import linear_predictor
from microcalc.selection.training import feature_matrix

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DeepInput:
    """What a fit knows of the deep features.

    Attributes
    ----------
    score
        The deep score of the rows that are fitted on, shape (n,).
    informs
        False when the selection kept no feature: the score is then the same for every case.
    selected
        `selected.csv` of a chain that saw these rows and no other.
    features
        case_id and the deep features.
    """

    score: Floats
    informs: bool
    selected: pd.DataFrame
    features: pd.DataFrame


@dataclass(frozen=True)
class Fitted:
    """An equation, and the chain whose deep score it takes.

    Attributes
    ----------
    equation
        The fitted equation.
    selected
        `selected.csv` of the chain.
    left_out
        The coefficient that the deep score would have had, where it is not above 0 and the score
        was left out for it; else None.
    """

    equation: Equation
    selected: pd.DataFrame
    left_out: float | None = None

    def linear_predictor(self, rows: pd.DataFrame, features: pd.DataFrame) -> Floats:
        """Return the log odds of cases, shape (n,), their deep scores being this chain's."""
        if self.equation.needs_deep_score:
            score = deep_scores(features, rows["case_id"], self.selected)
            rows = rows.assign(**{DEEP_SCORE: score})
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
        """Return the recipe of each of the config's `models`."""
        how = (clinical, screening, training_scores, seed)
        return [cls(name, spec, *how) for name, spec in models.items()]

    @property
    def uses_clinical(self) -> bool:
        """Whether columns of the case table are candidates."""
        return self.spec.wanted != "none"

    @property
    def is_apparent(self) -> bool:
        """Whether the model is fitted on deep scores of cases that the selection has seen."""
        of_score = self.uses_clinical and self.training_scores == "apparent"
        return self.spec.deep == "features" or (self.spec.deep == "score" and of_score)

    def check(self) -> None:
        """Raise a StudyError when the spec says nothing to fit."""
        if not (self.uses_clinical or self.spec.uses_deep):
            raise StudyError(
                f"models.{self.name}: uses neither clinical variables nor the deep score; "
                "set clinical or deep"
            )

    def variables(self, rows: pd.DataFrame) -> tuple[str, ...]:
        """Return the clinical predictors, screened on these rows where the spec says so."""
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

    def fit(self, rows: pd.DataFrame, deep: DeepInput) -> Fitted:
        """Fit on training cases, the coefficient of a deep score held at 0 or above.

        The score was trained toward the positive class; beside other predictors, out-of-fold
        scores that tell nothing get a negative coefficient in every second study, and it is
        then noise (`simulations/deep_score_sign.py`). With one such constraint the constrained
        maximum is the free one, or that of the model without the score (as for the weights of
        stacked models: Breiman, Mach Learn 1996; 24: 49). Features that enter one by one, and
        scores from elsewhere, are free: their direction is not known beforehand.
        """
        if not self.uses_clinical and self.spec.deep == "score":
            return Fitted(self._score_alone(rows, deep), deep.selected)
        taken = self.spec.uses_deep and deep.informs
        rows = rows.assign(**{DEEP_SCORE: deep.score}) if taken else rows
        others = (DEEP_SCORE,) if taken else ()
        settings, clinical = self.screening, self.clinical
        tables = regression.completed(rows, clinical, settings, seed=self.seed, others=others)
        variables = self.variables(rows)
        prepared = regression.fit(
            tables, variables, clinical, settings, confidence=regression.UNSHOWN, observed=rows
        )
        used = regression.usable(rows, variables, settings.missing)
        extra = self._deep_columns(used, deep) if taken else np.empty((len(used), 0))
        names = (*prepared.coding.columns, *(f"deep {j}" for j in range(extra.shape[1])))
        whole = replace(
            prepared, matrices=tuple(np.hstack([m, extra]) for m in prepared.matrices), names=names
        )
        slope = float(whole.pooled.coefficients[-1])
        if taken and self.spec.deep == "score" and slope <= 0:
            return replace(self._equation(prepared, deep.selected, False), left_out=slope)
        return self._equation(whole, deep.selected, taken)

    def _score_alone(self, rows: pd.DataFrame, deep: DeepInput) -> Equation:
        """Return the equation of the deep score, which the LASSO has in log odds already."""
        y = rows["y"].to_numpy(dtype=np.int64)
        if self.spec.network == FINETUNED:
            return deep_score_calibrated(deep.score, y)
        return deep_score_alone(len(y), int(y.sum()))

    def _deep_columns(self, rows: pd.DataFrame, deep: DeepInput) -> Floats:
        """Return the deep score, or the selected features in training SDs, shape (n, k)."""
        if self.spec.deep == "score":
            return rows[[DEEP_SCORE]].to_numpy(dtype=float)
        chosen = deep.selected.iloc[1:]
        values = feature_matrix(deep.features, rows["case_id"], tuple(chosen["feature"]))
        scaled: Floats = (values - chosen["mean"].to_numpy()) / chosen["sd"].to_numpy()
        return scaled

    def _equation(
        self, whole: regression.Regression, selected: pd.DataFrame, taken: bool
    ) -> Fitted:
        coding, values = whole.coding, whole.pooled.coefficients
        coefficients = values[1:]
        if taken and self.spec.deep == "features":
            # The features enter one by one: as a score of their own with coefficient 1.
            q = len(coding.columns)
            selected = selected.assign(coefficient=[0.0, *values[q + 1 :]])
            coefficients = np.append(values[1 : q + 1], 1.0)
        equation = Equation(
            coding.with_deep_score() if taken else coding,
            float(values[0]),
            tuple(float(value) for value in coefficients),
            f"logistic regression, {whole.method}",
            whole.n,
            int(whole.y.sum()),
        )
        return Fitted(equation, selected)


def candidates_of(
    model: ModelSettings, clinical: ClinicalVariables, screening: ScreeningSettings
) -> tuple[str, ...]:
    """Return the clinical variables a model may use: those fixed beforehand, or all screened."""
    if isinstance(model.wanted, tuple):
        return model.wanted
    if model.wanted == "none":
        return ()
    chosen = candidates(clinical, model.without)
    if screening.method == "fixed":
        return tuple(name for name in screening.variables if name in chosen)
    return tuple(chosen)


def deep_scores(
    features: pd.DataFrame, case_ids: "pd.Series[str]", selected: pd.DataFrame
) -> Floats:
    """Return a chain's linear predictor of the named cases, shape (n,)."""
    names = tuple(selected["feature"].iloc[1:])
    return linear_predictor(feature_matrix(features, case_ids, names), selected)
