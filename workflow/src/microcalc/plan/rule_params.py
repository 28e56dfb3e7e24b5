"""Params of rules: the parts of the config they depend on, so that no other key reruns them.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

from collections.abc import Mapping
from typing import Any

from microcalc.config import networks
from microcalc.config.evaluation_settings import DiscriminationSettings, ProbabilitySettings
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


def classes(config: StudyConfig, *others: str) -> dict[str, Any]:
    """Return the two classes of the config's `labels`, so that a remark on them reruns no fit.

    Parameters
    ----------
    config
        The study's config.
    others
        Further keys of `labels`.
    """
    return config.labels.part("negative", "positive", *others)


def discrimination(config: StudyConfig) -> dict[str, Any]:
    """Return of the config's `evaluation` what discrimination is measured with."""
    return config.evaluation.part(*DiscriminationSettings.model_fields)


def probabilities(config: StudyConfig) -> dict[str, Any]:
    """Return of the config's `evaluation` what probabilities are assessed with."""
    return config.evaluation.part(*ProbabilitySettings.model_fields)


def phantoms(config: StudyConfig) -> str | None:
    """Return the table of the demo's phantoms; a study of real patients has none."""
    return config.simulate.phantoms if config.simulate else None


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


def preprocessing(
    used: Mapping[str, FeatureSettings], images: ImageSettings
) -> dict[str, dict[str, Any]]:
    """Return by network what the features of frozen models depend on, to be frozen with them.

    Parameters
    ----------
    used
        The settings of each network by its folder, see `microcalc.config.networks`.
    images
        The config's `images`.
    """
    recipe = Recipe.from_settings(images).as_key()
    return {
        name: {
            "images": recipe,
            "extraction": network.part("layers", "precision", "pool_views", "harmonize"),
        }
        for name, network in zip(networks.names(used), used.values(), strict=True)
    }
