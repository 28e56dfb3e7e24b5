"""The networks of a study: those that are given, those it trains, and which model takes which.

A network is known by its folder under features/ and selection/: "" is the study's own, "name/"
any other. Every job on a cluster reads this again, so it imports nothing heavy.
"""

from collections.abc import Callable, Iterable

from microcalc.config.feature_settings import FeatureSettings
from microcalc.config.study_config import StudyConfig

OWN_NETWORK = "main"
"""What the config calls the study's own network."""

FINETUNED = "finetuned"
"""What it calls the fine-tuned networks whose logits are the deep score."""

FINETUNED_LASSO = "finetuned_lasso"
"""What it calls those whose features are selected from, as in the classical route."""

TUNED = (FINETUNED, FINETUNED_LASSO)

WHOLE = "whole"
"""The trained network that leaves no fold out, whose features the classical route selects from."""

_TUNED_FOLDERS = tuple(f"{name}/" for name in TUNED)


def members(n_folds: int) -> tuple[str, ...]:
    """Return the names of the trained networks that leave a fold out: fold-0, fold-1, ..."""
    return tuple(f"fold-{k}" for k in range(n_folds))


def left_out(member: str) -> int:
    """Return the fold that a trained network never sees; -1, which is none, for `WHOLE`."""
    return -1 if member == WHOLE else int(member.removeprefix("fold-"))


def members_of(config: StudyConfig) -> tuple[str, ...]:
    """Return the names of the study's trained networks that leave a fold out; none if untuned."""
    finetune = config.features.finetune
    return members(finetune.folds) if finetune else ()


def trained(config: StudyConfig) -> tuple[str, ...]:
    """Return the names of all networks that are trained for the study's models."""
    used = {model.network for model in config.models.values()} & set(TUNED)
    whole = (WHOLE,) if FINETUNED_LASSO in used else ()
    return (*whole, *members_of(config)) if used else ()


def settings(
    config: StudyConfig, tuned_weights: Callable[[str], str]
) -> dict[str, FeatureSettings]:
    """Return the settings of each network by its folder.

    Parameters
    ----------
    config
        The completed config.
    tuned_weights
        Gives the file that a trained network's weights are prepared from, by its name.
    """
    own = config.features
    further = {f"{name}/": own.of_further(name) for name in own.further_networks}
    # A head takes the mean over the views of what goes into it.
    tuned = own.model_copy(update={"layers": ("penultimate",), "pool_views": "mean"})
    names = members_of(config)
    trained_ones = {
        f"{FINETUNED}/{member}/": tuned.model_copy(update={"weights": tuned_weights(member)})
        for member in (*names, *[WHOLE] * bool(names))
    }
    return {"": own} | further | trained_ones | dict.fromkeys(_TUNED_FOLDERS, tuned)


def given(folders: Iterable[str]) -> list[str]:
    """Return those of some networks whose weights the config names: all but the fine-tuned."""
    return [folder for folder in folders if not folder.startswith(_TUNED_FOLDERS)]


def extracted(folders: Iterable[str]) -> list[str]:
    """Return those of some networks that patches go through: all but those made of several."""
    return [folder for folder in folders if folder not in _TUNED_FOLDERS]


def pattern(folders: Iterable[str]) -> str:
    """Return a regular expression for some networks, the study's own by its empty name."""
    return f"(?:{'|'.join(folders)})"


def of_model(config: StudyConfig, model: str) -> str:
    """Return the network whose features a model takes."""
    name = config.models[model].network
    return "" if name == OWN_NETWORK else f"{name}/"


def at_work(config: StudyConfig) -> list[str]:
    """Return the networks that are at work: the study's own, and those that models take."""
    return list(dict.fromkeys(["", *(of_model(config, name) for name in config.models)]))


def refittable(config: StudyConfig) -> list[str]:
    """Return the networks at work that a refit can use again: it trains none.

    A fine-tuned network has seen the labels of the cases that a replicate leaves out or permutes.
    """
    return extracted(at_work(config))


def refittable_models(config: StudyConfig) -> list[str]:
    """Return the models of the networks that a refit can use again."""
    return [name for name, model in config.models.items() if model.network not in TUNED]


def names(folders: Iterable[str]) -> list[str]:
    """Return what some networks are called where a folder's name will not do."""
    return [folder[:-1] or OWN_NETWORK for folder in folders]


def variants(config: StudyConfig) -> list[str]:
    """Return the models that are a deep score alone, of the own or a fine-tuned network.

    Which of them goes on to external validation is chosen on internal validation.
    """
    return [
        name
        for name, model in config.models.items()
        if (model.clinical, model.deep) == ("none", "score")
        and model.network in (OWN_NETWORK, *TUNED)
    ]


def must_choose(config: StudyConfig) -> bool:
    """Return whether there are variants to choose among: only fine-tuning makes any."""
    return any(config.models[name].network in TUNED for name in variants(config))
