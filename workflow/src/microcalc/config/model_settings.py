"""The config's `models` and `threshold`: what each model is made of, and where it says yes."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from microcalc.config.score_settings import ScoreName
from microcalc.config.section import (
    Distinct,
    NamedLike,
    Probability,
    Section,
    Unwritten,
    refuse_missing,
    refuse_other,
)

ModelName = Annotated[
    str,
    NamedLike(
        r"^(?!domain$)[A-Za-z][A-Za-z0-9_-]{0,63}$",
        "letters, digits, dashes and underscores, beginning with a letter, and not domain",
    ),
]


class ModelSettings(Section):
    """One model; all are fitted and used by the same rules."""

    kind: Literal["logistic", "external_score"] = "logistic"
    """
    logistic is described by clinical, scores and features_of; external_score is a column of the
    case table that came from elsewhere (a radiologist, another program), brought to probabilities
    by a logistic regression on the training set
    """
    column: Unwritten[str] = None
    """the clinical variable (candidate false) that holds the external score"""
    clinical: Literal["none", "screened"] | Annotated[Distinct[str], Field(min_length=1)] = "none"
    """
    none, screened (the predictors that survive the screening on the training set), or a
    list of clinical variables that are fixed beforehand
    """
    without: Distinct[str] = ()
    """clinical variables that the screening for this model leaves aside"""
    scores: Distinct[ScoreName] = ()
    """
    the scores among its predictors; beside others each has a coefficient of 0 or above, and is
    left out where that is 0
    """
    features_of: Distinct[ScoreName] = ()
    """
    scores whose selected features are predictors one by one, without a penalty, as in many papers
    (the selection has seen the cases they are fitted on)
    """

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if self.is_external_score:
            refuse_missing(self, "column")
            refuse_other(self, "clinical", "none")
            refuse_other(self, "scores", [])
            refuse_other(self, "features_of", [])
        return self

    @property
    def is_external_score(self) -> bool:
        """Whether the model is a score that came from elsewhere."""
        return self.kind == "external_score"

    @property
    def taken(self) -> tuple[str, ...]:
        """The scores behind its predictors, as they are or feature by feature."""
        return (*self.scores, *self.features_of)

    @property
    def is_score_alone(self) -> bool:
        """Whether one score is all that it takes."""
        return self.clinical == "none" and len(self.scores) == 1 and not self.features_of

    @property
    def wanted(self) -> str | tuple[str, ...]:
        """Which clinical variables: "none", "screened", or their names."""
        return (str(self.column),) if self.is_external_score else self.clinical

    @property
    def fixed(self) -> tuple[str, ...]:
        """The clinical variables that are fixed beforehand."""
        return () if isinstance(self.clinical, str) else self.clinical


class ThresholdSettings(Section):
    """The operating point, fixed on the training set."""

    rule: Literal["youden", "sensitivity", "specificity"] = "youden"
    """
    youden, the largest sensitivity + specificity (ties go to the highest specificity);
    sensitivity or specificity, the best of the other that leaves this one at_least so high
    """
    at_least: Probability | None = None
    """the required sensitivity or specificity, in the training scores"""
    scores: Literal["out_of_fold", "apparent"] = "out_of_fold"
    """the training scores it is chosen on; apparent is the optimistic way of many papers"""

    @model_validator(mode="after")
    def _needs_a_minimum(self) -> Self:
        if self.rule != "youden":
            refuse_missing(self, "at_least")
        return self
