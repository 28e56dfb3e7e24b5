"""Which of a study's models a figure shows, for the figure and for its caption."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from microcalc.models.frozen import FrozenModel


def of_nomogram(models: "Mapping[str, FrozenModel]") -> str | None:
    """Return the model to draw: the last with clinical variables and deep score, else any.

    "Any" is the last with a clinical variable. A deep score alone needs no nomogram.
    """
    kinds = {name: {term["kind"] for term in model["terms"]} for name, model in models.items()}
    both = [name for name, own in kinds.items() if "deep" in own and own - {"deep"}]
    clinical = [name for name, own in kinds.items() if own - {"deep"}]
    best = both or clinical
    return best[-1] if best else None


def of_own_network(models: "Mapping[str, FrozenModel]") -> "dict[str, FrozenModel]":
    """Return the models whose deep score, if any, is of the study's own network."""
    return {name: model for name, model in models.items() if "network" not in (model["deep"] or {})}
