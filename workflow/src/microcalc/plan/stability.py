"""What a set's `stability` asks of other rooms: regions drawn otherwise, features that hold.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

from typing import Any

from microcalc.config.feature_settings import FeatureSetSettings, StabilitySettings
from microcalc.config.patch_recipe import Recipe
from microcalc.config.perturbation_limits import Limits
from microcalc.config.study_config import StudyConfig

PERTURBED, OTHER_READERS = "perturbed", "other_readers"
"""Names of the tables of features from regions drawn otherwise."""


def surroundings(config: StudyConfig) -> dict[str, Any]:
    """Return the config's `images` for windows that hold every perturbed patch."""
    return {**config.images.plain(), "on_error": "exclude"}


def surround(config: StudyConfig, name: str) -> float:
    """Return the side of such a window relative to the patch's, for the set `name`."""
    return _limits(config, name).surround


def perturbation(config: StudyConfig, name: str) -> dict[str, Any]:
    """Return whose patches are perturbed for the set `name`, and what one depends on.

    The window that it is cut from is left out, see `surround`.
    """
    # The split lottery trains on cases that the study itself holds out.
    lottery = config.evaluation.split_lottery > 0
    return {
        "splits": ["train", "internal"] if lottery else ["train"],
        "limits": vars(_limits(config, name)),
        "patch_px": Recipe.from_settings(config.images).patch_px,
    }


def of_reader(config: StudyConfig, reader: str) -> dict[str, Any]:
    """Return the config's `images` for the regions of another reader."""
    return {**config.images.plain(), "reader": reader, "on_error": "exclude"}


def of_set(config: StudyConfig, name: str) -> StabilitySettings:
    """Return what is asked of the set `name`; nothing of one without the key."""
    row = config.features[name]
    return row.stability if isinstance(row, FeatureSetSettings) else StabilitySettings()


def redrawn(config: StudyConfig, *scores: str) -> list[tuple[str, str, float]]:
    """Return which features there are from regions drawn otherwise, and what is asked of them.

    Parameters
    ----------
    config
        The study's config.
    scores
        Scores; of a set that several take, its features stand here once.

    Returns
    -------
    list
        Set, `PERTURBED` or `OTHER_READERS`, and the least ICC of a feature that may stay.
    """
    sets = dict.fromkeys(name for score in scores for name in config.scores[score].features)
    found = []
    for name in sets:
        asked = of_set(config, name)
        kinds = (PERTURBED, asked.perturbations), (OTHER_READERS, asked.readers)
        found += [(name, drawn, asked.icc_min) for drawn, is_asked in kinds if is_asked]
    return found


def least_iccs(config: StudyConfig, *scores: str) -> list[float]:
    """Return the least ICC that each of `redrawn` is asked for, in the same order."""
    return [least for _, _, least in redrawn(config, *scores)]


def _limits(config: StudyConfig, name: str) -> Limits:
    return Limits.from_settings(of_set(config, name), patch_mm=config.images.patch_mm)
