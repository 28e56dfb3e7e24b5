"""What rules are given of the config: what they depend on, so that no other key reruns them.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

from typing import Any

from microcalc.config import networks
from microcalc.config.feature_settings import FeatureSettings
from microcalc.config.image_settings import ImageSettings
from microcalc.config.patch_recipe import Recipe
from microcalc.config.study_config import StudyConfig


def clinical(config: StudyConfig) -> dict[str, dict[str, Any]]:
    """Return the config's `clinical` without what readers see, so that wording reruns no fit."""
    return {
        name: {key: value for key, value in variable.plain().items() if key != "label"}
        for name, variable in config.clinical.items()
    }


def refittable_models(config: StudyConfig) -> dict[str, dict[str, Any]]:
    """Return of the config's `models` those that a refit can use again."""
    return {name: config.models[name].plain() for name in networks.refittable_models(config)}


def extraction(network: FeatureSettings, images: ImageSettings) -> dict[str, Any]:
    """Return what an image's features depend on, and whether kept ones may be used.

    Parameters
    ----------
    network
        One of `microcalc.config.networks.settings`.
    images
        The config's `images`.
    """
    chosen = network.part("backbone", "layers", "device", "precision", "batch_size")
    return {**chosen, "cache": images.cache}


def preprocessing(network: FeatureSettings, images: ImageSettings) -> dict[str, Any]:
    """Return what the features of a frozen model depend on, to be frozen with it."""
    return {
        "images": Recipe.from_settings(images).as_key(),
        "extraction": network.part("layers", "precision", "pool_views", "harmonize"),
    }
