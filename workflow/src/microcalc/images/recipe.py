"""What turns an image into a patch: the settings that matter, and the version of the code."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from microcalc.images.region_rules import Rules

RECIPE = 5
"""Version of the way from stored pixels to patch.

Raise it with every change that alters a patch, thumbnail or QC value: it is part of each row's
cache key, and the golden-patch test fails when the output moves and this number does not.
"""


@dataclass(frozen=True)
class Recipe:
    """The settings that a patch depends on, and no others.

    Attributes
    ----------
    spacing_mm
        Width and height of a patch pixel in mm.
    patch_mm
        Side of the square patch in mm.
    thumbnail_px
        Side of the square thumbnail in pixels.
    voi
        Which of a file's alternative VOI look-up tables and windows to use: None for the first,
        a number counting from 0, an explanation as the file words it, or "none" for no VOI.
    for_processing
        What to do with FOR PROCESSING images: "convert" them or "refuse" them.
    crop
        "fixed" for a window of `patch_mm`, "fit" for one as large as the ROI and its margin.
    fit_margin_mm
        Margin on every side of the ROI's longer side when `crop` is "fit".
    surround
        Side of the window relative to the patch's, for windows that are perturbed later.
    normalization
        How grey levels are scaled from inside the breast: "percentile", "z-score" or "none".
    roi_components, roi_speck_mm2, roi_threshold, roi_orientation
        How a file of regions becomes one ROI; see `microcalc.images.region_rules.Rules`.
    """

    spacing_mm: float
    patch_mm: float
    thumbnail_px: int
    voi: int | str | None = None
    for_processing: Literal["convert", "refuse"] = "convert"
    normalization: Literal["percentile", "z-score", "none"] = "percentile"
    crop: Literal["fixed", "fit"] = "fixed"
    fit_margin_mm: float = 2.0
    surround: float = 1.0
    roi_components: Literal["refuse", "largest", "all"] = "refuse"
    roi_speck_mm2: float = 0.25
    roi_threshold: float = 0.5
    roi_orientation: Literal["header", "stored", "rows_reversed"] = "header"

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Recipe":
        """Return the recipe in `settings` (config.images), without what touches no pixel."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in settings.items() if name in known})

    @property
    def patch_px(self) -> int:
        """Side of the window in pixels."""
        return round(round(self.patch_mm / self.spacing_mm) * self.surround)

    @property
    def region_rules(self) -> Rules:
        """How a file of regions becomes one ROI."""
        return Rules(
            components=self.roi_components,
            speck_mm2=self.roi_speck_mm2,
            threshold=self.roi_threshold,
            orientation=self.roi_orientation,
        )

    def as_key(self) -> dict[str, Any]:
        """Return the settings as JSON-like values for a digest."""
        return {
            name: float(v) if isinstance(v, int | float) else v for name, v in asdict(self).items()
        }
