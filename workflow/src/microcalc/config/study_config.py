"""The whole config of a study."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from microcalc.config.clinical_settings import ClinicalVariable, ScreeningSettings, VariableName
from microcalc.config.cohort_settings import CohortSettings, Labels, SimulateSettings
from microcalc.config.evaluation_settings import EvaluationSettings, PublishedSettings
from microcalc.config.feature_kinds import FeatureSet
from microcalc.config.feature_settings import SetName
from microcalc.config.image_settings import ImageSettings
from microcalc.config.model_settings import ModelName, ModelSettings, ThresholdSettings
from microcalc.config.score_settings import ScoreName, ScoreSettings
from microcalc.config.section import PSEUDONYM, Section, Unwritten
from microcalc.config.selection_settings import SelectionSettings


class CohortConfig(Section):
    """What of a study's config the cohort room needs, whatever else there is."""

    model_config = ConfigDict(extra="ignore")

    seed: Annotated[int, Field(ge=0)]
    """the one seed; every consumer derives its own stream from it by name"""
    labels: Labels
    """what the `label` column of the case table may hold"""
    cohort: CohortSettings
    """the study's tables and how its cases are split"""
    clinical: Mapping[VariableName, ClinicalVariable]
    """the clinical variables, one entry per column of the case table"""


class StudyConfig(CohortConfig):
    """The config of a study."""

    model_config = ConfigDict(extra="forbid")

    study: Annotated[str, Field(pattern=PSEUDONYM)]
    """
    the study's name, at most 64 letters, digits, dots, dashes and underscores; its results lie in
    results/<study>
    """
    simulate: Unwritten[SimulateSettings] = None
    """the demo only; makes the DICOM files before the images room reads them"""
    images: ImageSettings = ImageSettings()
    """from a mammogram to a patch"""
    features: Annotated[Mapping[SetName, FeatureSet], Field(min_length=1)]
    """sets of columns per case, each row a name"""
    scores: Annotated[Mapping[ScoreName, ScoreSettings], Field(min_length=1)] = {
        "deep": ScoreSettings(features=("deep",)),
    }
    """
    how columns become one number per case, each row a name; where it is left out there is one
    score, deep: {features: [deep]}
    """
    selection: SelectionSettings = SelectionSettings()
    """from the columns of a score to its number, on the training set"""
    models: Annotated[Mapping[ModelName, ModelSettings], Field(min_length=1)] = {
        "clinical": ModelSettings(clinical="screened"),
        "deep": ModelSettings(scores=("deep",)),
        "combined": ModelSettings(clinical="screened", scores=("deep",)),
    }
    """
    the models, one row each; all are fitted and used by the same rules. Where it is left out they
    are clinical: {clinical: screened}, deep: {scores: [deep]}, and combined of both
    """
    screening: ScreeningSettings = ScreeningSettings()
    """how clinical predictors are found on the training set"""
    threshold: ThresholdSettings = ThresholdSettings()
    """the operating point, fixed on the training set"""
    evaluation: EvaluationSettings = EvaluationSettings()
    """what is measured"""
    published: PublishedSettings = PublishedSettings(citation="", sets={})
    """numbers of a publication to lay beside this study's"""

    def selection_of(self, score: str) -> SelectionSettings:
        """Return how a score selects: the common `selection` with what its own row says."""
        own = self.scores[score].selection
        written = own.model_dump(exclude_unset=True) if own else {}
        return SelectionSettings.of(_laid_over(self.selection.model_dump(), written))


def _laid_over(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return `common` with the values of `own` in place of its own, section by section."""
    laid = {
        key: _laid_over(common[key], value) if isinstance(value, Mapping) else value
        for key, value in own.items()
    }
    return {**common, **laid}
