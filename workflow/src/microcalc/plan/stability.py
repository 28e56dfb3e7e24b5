"""What features.stability asks of the other rooms: regions drawn otherwise, and features that hold.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

from collections.abc import Mapping
from typing import Any

from microcalc.config.patch_recipe import Recipe
from microcalc.config.perturbation_limits import Limits

Config = Mapping[str, Any]


def surroundings(config: Config) -> dict[str, Any]:
    """Return the config's `images` for windows that hold every perturbed patch."""
    return {**config["images"], "surround": _limits(config).surround, "on_error": "exclude"}


def perturbation(config: Config) -> dict[str, Any]:
    """Return whose patches are perturbed, and what one depends on, its window aside."""
    # The split lottery trains on cases that the study itself holds out.
    lottery = config["evaluation"]["split_lottery"] > 0
    return {
        "splits": ["train", "internal"] if lottery else ["train"],
        "limits": vars(_limits(config)),
        "patch_px": Recipe.from_settings(config["images"]).patch_px,
    }


def of_reader(config: Config, reader: str) -> dict[str, Any]:
    """Return the config's `images` for the regions of another reader."""
    return {**config["images"], "reader": reader, "on_error": "exclude"}


def selection(config: Config) -> dict[str, Any]:
    """Return the config's `selection` with the least stability that is asked of a feature.

    None is asked where no region is drawn otherwise.
    """
    asked = config["features"]["stability"]
    least = asked["icc_min"] if asked["perturbations"] or asked["readers"] else None
    filters = {**config["selection"]["filters"], "min_icc": least}
    return {**config["selection"], "filters": filters}


def _limits(config: Config) -> Limits:
    return Limits.from_settings(
        config["features"]["stability"], patch_mm=config["images"]["patch_mm"]
    )
