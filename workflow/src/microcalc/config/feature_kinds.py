"""The kinds of sets that the config's `features` can hold.

A new kind is its settings, a subclass of `FeatureSetSettings` in a module of their own, one word
in `FeatureSet`, the module of `microcalc.features` that measures it, and what Methods say of it;
CONTRIBUTING.md shows how.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import Field, TypeAdapter

from microcalc.config.finetune_settings import FinetunedSettings
from microcalc.config.network_settings import NetworkSettings
from microcalc.config.table_settings import TableSettings

FeatureSet: TypeAlias = Annotated[
    NetworkSettings | FinetunedSettings | TableSettings,
    Field(discriminator="kind"),
]
"""One row of the config's `features`."""


def each_of(plain: Mapping[str, Mapping[str, Any]]) -> dict[str, FeatureSet]:
    """Return the rows of `features` that a mapping of names to plain values describes.

    Raises
    ------
    pydantic.ValidationError
        When a row is of no kind there is, or has other keys than its kind.
    """
    return TypeAdapter(dict[str, FeatureSet]).validate_python(plain)
