"""Params of rules: the parts of the config they depend on, so that no other key reruns them.

Every job on a cluster reads this again, so it imports nothing heavy.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from microcalc.config import feature_sets
from microcalc.config.evaluation_settings import DiscriminationSettings, ProbabilitySettings
from microcalc.config.feature_settings import FeatureSetSettings
from microcalc.config.finetune_settings import FinetuneSettings
from microcalc.config.patch_recipe import Recipe
from microcalc.config.study_config import StudyConfig
from microcalc.plan import plain_path


def clinical(config: StudyConfig) -> dict[str, dict[str, Any]]:
    """Return the config's `clinical` without what readers see, so that wording reruns no fit."""
    return {
        name: {key: value for key, value in variable.plain().items() if key != "label"}
        for name, variable in config.clinical.items()
    }


def refittable_models(config: StudyConfig) -> dict[str, dict[str, Any]]:
    """Return of the config's `models` those that a refit can use again."""
    return {name: config.models[name].plain() for name in feature_sets.refittable_models(config)}


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
    return plain_path.of(config.simulate.phantoms) if config.simulate else None


def scores(config: StudyConfig, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return of some scores what each is made of: its tables of columns, and its learner."""
    return {
        name: {
            "tables": list(feature_sets.tables_of(config, name)),
            "learner": config.scores[name].learner,
        }
        for name in names
    }


def selections(config: StudyConfig, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return how each of some scores selects."""
    return {name: config.selection_of(name).plain() for name in names}


def training(config: StudyConfig, tuned: str) -> dict[str, Any]:
    """Return what the training of fine-tuned networks depends on, see `TrainingSettings`."""
    row = feature_sets.finetuned(config)[tuned]
    start = feature_sets.start(config, tuned).part("backbone", "device")
    return {**start, "finetune": row.part(*FinetuneSettings.model_fields)}


def preprocessing(
    config: StudyConfig, tables: Iterable[str], measured: Mapping[str, FeatureSetSettings]
) -> dict[str, dict[str, Any]]:
    """Return by table of columns what it depends on, to be frozen with the models.

    Parameters
    ----------
    config
        The study's config.
    tables
        Those of the scores that models take.
    measured
        The settings of each set by its folder, see `microcalc.config.feature_sets`.

    Returns
    -------
    dict
        Of each table kind, images, measured_in and features, see `provenance.parts`.
    """
    recipe = Recipe.from_settings(config.images).as_key()
    found = {}
    for table in tables:
        name = feature_sets.of_table(table)
        is_tuned = name in feature_sets.finetuned(config)
        folder = f"{name}/{feature_sets.members(config, name)[0]}" if is_tuned else name
        found[table] = {
            "kind": config.features[name].kind,
            "images": recipe,
            "measured_in": measured[folder].measured_in,
            "features": measured[folder].deployed_by,
        }
    return found
