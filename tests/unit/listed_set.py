"""A kind of sets whose columns come from a user's table, and a study that has one."""

from typing import ClassVar, Literal

from tests.unit.configs import study_config

from microcalc.config.feature_settings import FeatureSetSettings
from microcalc.config.study_config import StudyConfig


class Listed(FeatureSetSettings):
    """What a set of this kind says beside what all say."""

    measured_in: ClassVar[str] = "pool"  # any module does
    columns_from: ClassVar[str] = "path"

    kind: Literal["listed"] = "listed"
    path: str
    level: int = 1


def study_of(listed: FeatureSetSettings) -> StudyConfig:
    """Return the smallest study, its set `mri` beside the deep one and its score made of both."""
    config = study_config(clinical={"age": {"kind": "continuous"}})
    score = config.scores["deep"].model_copy(update={"features": ("deep", "mri")})
    update = {"features": {**config.features, "mri": listed}, "scores": {"deep": score}}
    return config.model_copy(update=update)
