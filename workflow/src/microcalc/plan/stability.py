"""What features.stability asks of the other rooms: regions drawn otherwise, and features that hold.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

from typing import Any

from microcalc.config.patch_recipe import Recipe
from microcalc.config.perturbation_limits import Limits
from microcalc.config.study_config import StudyConfig


def surroundings(config: StudyConfig) -> dict[str, Any]:
    """Return the config's `images` for windows that hold every perturbed patch."""
    return {**config.images.plain(), "on_error": "exclude"}


def surround(config: StudyConfig) -> float:
    """Return the side of such a window relative to the patch's."""
    return _limits(config).surround


def perturbation(config: StudyConfig) -> dict[str, Any]:
    """Return whose patches are perturbed, and what one depends on, its window aside."""
    # The split lottery trains on cases that the study itself holds out.
    lottery = config.evaluation.split_lottery > 0
    return {
        "splits": ["train", "internal"] if lottery else ["train"],
        "limits": vars(_limits(config)),
        "patch_px": Recipe.from_settings(config.images).patch_px,
    }


def of_reader(config: StudyConfig, reader: str) -> dict[str, Any]:
    """Return the config's `images` for the regions of another reader."""
    return {**config.images.plain(), "reader": reader, "on_error": "exclude"}


def least_icc(config: StudyConfig) -> float | None:
    """Return the least stability that is asked of a feature; None where none is asked.

    None is asked where no region is drawn otherwise.
    """
    asked = config.features.stability
    return asked.icc_min if asked.is_asked else None


def _limits(config: StudyConfig) -> Limits:
    return Limits.from_settings(config.features.stability, patch_mm=config.images.patch_mm)
