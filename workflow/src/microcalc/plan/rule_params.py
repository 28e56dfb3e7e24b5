"""Params of rules: the parts of the config they depend on, so that no other key reruns them.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

from collections.abc import Mapping
from typing import Any

from microcalc.config import networks
from microcalc.config.patch_recipe import Recipe

Section = Mapping[str, Any]


def part(section: Section, *keys: str) -> dict[str, Any]:
    """Return a section with these keys alone."""
    return {key: section[key] for key in keys}


def clinical(config: Section) -> dict[str, dict[str, Any]]:
    """Return the config's `clinical` without what readers see, so that wording reruns no fit."""
    return {
        variable: {key: value for key, value in entry.items() if key != "label"}
        for variable, entry in config["clinical"].items()
    }


def phantoms(config: Section) -> str | None:
    """Return the table of the demo's phantoms; a study of real patients has none."""
    return str(config["simulate"]["phantoms"]) if "simulate" in config else None


def extraction(network: Section, images: Section) -> dict[str, Any]:
    """Return what an image's features depend on, and whether kept ones may be used.

    Parameters
    ----------
    network
        One of `microcalc.config.networks.settings`.
    images
        The config's `images`.
    """
    chosen = part(network, "backbone", "layers", "device", "precision", "batch_size")
    return {**chosen, "cache": images["cache"]}


def preprocessing(used: Mapping[str, Section], images: Section) -> dict[str, dict[str, Any]]:
    """Return by network what the features of frozen models depend on, to be frozen with them.

    Parameters
    ----------
    used
        The settings of each network by its folder, see `microcalc.config.networks`.
    images
        The config's `images`.
    """
    recipe = vars(Recipe.from_settings(images))
    return {
        name: {
            "images": recipe,
            "extraction": part(network, "layers", "precision", "pool_views", "harmonize"),
        }
        for name, network in zip(networks.names(used), used.values(), strict=True)
    }
