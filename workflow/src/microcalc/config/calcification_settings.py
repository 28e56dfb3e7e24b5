"""A row of the config's `features` of kind calcifications: those of a lesion, one by one."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from microcalc.config.feature_settings import FeatureSetSettings


class CalcificationSettings(FeatureSetSettings):
    """Number, size, shape and spread of the single calcifications in the ROI."""

    measured_in: ClassVar[str] = "calcification_features"
    region_margin_mm: ClassVar[float | None] = 3.0

    kind: Literal["calcifications"]
    """
    calcifications, the single calcifications in the ROI, found at the spacing of the mammogram's
    own pixels and described: their number, size, shape, contrast and spread
    """
    threshold: Annotated[float, Field(ge=3.5)] = 5.2
    """
    how far a bright spot must stand out to be counted, in units of the noise around it; fewer are
    counted the higher it is
    """
