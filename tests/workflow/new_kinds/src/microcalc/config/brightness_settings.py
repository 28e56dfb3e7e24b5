"""A row of the config's `features` of kind brightness: how bright patches are."""

from typing import ClassVar, Literal

from microcalc.config.feature_settings import FeatureSetSettings
from microcalc.config.section import Share


class BrightnessSettings(FeatureSetSettings):
    """Mean, SD and a percentile of a patch's intensities."""

    measured_in: ClassVar[str] = "brightness"

    kind: Literal["brightness"]
    """brightness, how bright patches are"""
    percentile: Share = 0.9
    """the share of the pixels that are darker than the third column"""
